import { context, propagation, SpanStatusCode, trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { parseTraceparent } from '../../src/lib/tracing.ts';
import { useApp } from '../support/app.ts';
import { openPolicy } from '../support/loop.ts';
import { missionEnds, useLlm, useOllama, useWorker } from '../support/worker.ts';

const spans = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
provider.register();
afterAll(async () => {
  await provider.shutdown();
  for (const api of [trace, context, propagation]) api.disable();
});
beforeEach(() => spans.reset());

const t = useApp();
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const GIVEN = `00-${TRACE}-b7ad6b7169203331-01`;

async function propose(headers: Record<string, string> = {}) {
  const json = { agent_id: 'research', kind: 'analysis', title: 'Look', body: 'A secret thought.' };
  const answer = await t.request('/api/ops/proposals', { method: 'POST', json, headers });
  expect(answer.status).toBe(201);
  return (await answer.json()) as {
    proposal: { id: string; traceparent: string | null };
    mission: { mission: { id: string } } | null;
  };
}

const named = (name: string): ReadableSpan => {
  const found = spans.getFinishedSpans().find((span) => span.name === name);
  if (!found) throw new Error(`there is no span ${name}`);
  return found;
};

test('a proposal, its step and the model call are one trace, which is the proposer’s', async () => {
  const ollama = await useOllama();
  const llm = await useLlm(t.database, { ollamaUrl: ollama.url });
  await openPolicy(t.database);
  const { proposal, mission } = await propose({ traceparent: GIVEN });
  ollama.next({ text: ['An answer that is nobody else’s.'] });
  await useWorker(t.database, { llm });
  await missionEnds(t.database, mission?.mission.id);
  await expect.poll(() => spans.getFinishedSpans().map(({ name }) => name)).toContain('step analyze');

  const [proposed, step, chat] = [
    named('propose analysis'),
    named('step analyze'),
    named('chat qwen3:latest'),
  ];
  for (const span of [proposed, step, chat]) expect(span.spanContext().traceId).toBe(TRACE);
  expect(proposed.parentSpanContext?.spanId).toBe('b7ad6b7169203331');
  expect(step.parentSpanContext?.spanId).toBe(proposed.spanContext().spanId);
  expect(chat.parentSpanContext?.spanId).toBe(step.spanContext().spanId);
  expect(proposal.traceparent).toBe(`00-${TRACE}-${proposed.spanContext().spanId}-01`);
  expect(step.attributes).toMatchObject({
    'gen_ai.operation.name': 'invoke_agent',
    'gen_ai.agent.id': 'research',
    'gen_ai.conversation.id': mission?.mission.id,
    'opsloop.step.attempt': 1,
  });
  expect(chat.attributes).toMatchObject({
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'ollama',
    'gen_ai.request.model': 'qwen3:latest',
    'gen_ai.usage.input_tokens': 12,
    'gen_ai.usage.output_tokens': 7,
    'gen_ai.response.finish_reasons': ['stop'],
  });
  const everything = JSON.stringify(
    spans.getFinishedSpans().map(({ attributes, events }) => [attributes, events]),
  );
  expect(everything).not.toMatch(/secret thought|nobody else/);
});

test('content is in the spans once somebody asks for it', async () => {
  const ollama = await useOllama();
  const llm = await useLlm(t.database, { ollamaUrl: ollama.url, traceContent: true });
  ollama.next({ text: ['Yes.'] });
  await llm.complete(
    { system: 'Be brief.', prompt: 'Is it?', extractiveAllowed: false },
    new AbortController().signal,
  );
  const { attributes } = named('chat qwen3:latest');
  expect(JSON.parse(String(attributes['gen_ai.input.messages']))).toEqual([
    { role: 'user', parts: [{ type: 'text', content: 'Is it?' }] },
  ]);
  expect(String(attributes['gen_ai.output.messages'])).toContain('Yes.');
});

test('a failure is told by its class and not by what was said', async () => {
  const ollama = await useOllama();
  const llm = await useLlm(t.database, { ollamaUrl: ollama.url });
  ollama.next({ status: 500, error: 'something private' });
  await llm
    .complete({ system: '', prompt: 'x', extractiveAllowed: false }, new AbortController().signal)
    .catch(() => undefined);
  const span = named('chat qwen3:latest');
  expect(span.status).toEqual({ code: SpanStatusCode.ERROR });
  expect(span.attributes['error.type']).toBe('failed');
  expect(JSON.stringify([span.attributes, span.events])).not.toContain('private');
});

test.each([
  '',
  'nonsense',
  `01-${TRACE}-b7ad6b7169203331-01`,
  `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
  `00-${TRACE}-${'0'.repeat(16)}-01`,
  `00-${TRACE.toUpperCase()}-b7ad6b7169203331-01`,
  `${GIVEN}-more`,
])('%j is no traceparent, and the proposal is made all the same', async (traceparent) => {
  expect(parseTraceparent(traceparent)).toBeNull();
  await openPolicy(t.database);
  const { proposal } = await propose({ traceparent });
  // A new trace begins.
  expect(proposal.traceparent).not.toContain(TRACE);
});
