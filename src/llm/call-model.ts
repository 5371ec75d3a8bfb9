import type { LanguageModelV3 } from '@ai-sdk/provider';
import { cleanText } from '../lib/clean-text.ts';
import { inSpan } from '../lib/tracing.ts';
import { type Deadlines, startDeadlines } from './deadlines.ts';
import { reasonOf, type Who } from './http-error.ts';
import { findLlmError, LlmError } from './llm-error.ts';
import type { Provider } from './provider.ts';
import type { LlmConfig } from './schema.ts';
import { type Prompt, streamAnswer, type Turn } from './stream-answer.ts';
import { askForJson, jsonSchemaOf, parseAnswer, repairMessages } from './structured.ts';
import { type LlmAnswer, type LlmRequest, type LlmUsage, UNKNOWN_USAGE } from './types.ts';

type CallOptions = { config: LlmConfig; signals: AbortSignal[] };

/** Asks one model of one provider, within the deadlines. Throws `LlmError` and nothing else. */
export function callModel(
  provider: Provider,
  model: string,
  request: LlmRequest,
  options: CallOptions,
): Promise<LlmAnswer> {
  const facts = {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': provider.name,
    'gen_ai.request.model': model,
    'gen_ai.request.max_tokens': request.maxOutputTokens,
    'server.address': provider.address,
    ...(options.config.traceContent
      ? {
          'gen_ai.system_instructions': JSON.stringify(textParts(request.system)),
          'gen_ai.input.messages': toMessages('user', request.prompt),
        }
      : {}),
  };
  return inSpan(`chat ${model}`, { kind: 'client', facts }, async (traced) => {
    const answer = await callWithin(provider, model, request, options);
    traced.note({
      'gen_ai.response.model': answer.model,
      'gen_ai.response.finish_reasons': [answer.finishReason],
      'gen_ai.usage.input_tokens': answer.usage.inputTokens,
      'gen_ai.usage.output_tokens': answer.usage.outputTokens,
      'opsloop.cost_usd': answer.usage.costUsd,
      ...(options.config.traceContent
        ? { 'gen_ai.output.messages': toMessages('assistant', answer.text) }
        : {}),
    });
    return answer;
  });
}

/** One message in the form of the GenAI conventions. */
function toMessages(role: string, text: string): string {
  return JSON.stringify([{ role, parts: textParts(text) }]);
}

function textParts(content: string) {
  return [{ type: 'text', content }];
}

async function callWithin(
  provider: Provider,
  model: string,
  request: LlmRequest,
  { config, signals }: CallOptions,
): Promise<LlmAnswer> {
  const deadlines = startDeadlines({ ...config.timeouts, ...provider.timeouts }, signals);
  const started = performance.now();
  const turns: Turn[] = [];
  try {
    const call: Call = {
      languageModel: await provider.model(model),
      provider,
      deadlines,
      maxAnswerBytes: config.maxAnswerBytes,
      who: { provider: provider.name, model },
      turns,
    };
    const answer = await converse(call, request);
    return {
      ...answer,
      engine: provider.type,
      llm: true,
      provider: provider.name,
      model,
      timings: { ...answer.timings, totalMs: Math.round(performance.now() - started) },
    };
  } catch (error) {
    const failure = explain(deadlines.error() ?? error, provider.name, model).with({
      asked: true,
      usage: usageOf(turns),
    });
    // Closes the connection, so that nobody goes on writing an answer that is not wanted.
    deadlines.fail(failure);
    throw failure;
  } finally {
    deadlines.stop();
  }
}

type Call = {
  languageModel: LanguageModelV3;
  provider: Provider;
  deadlines: Deadlines;
  maxAnswerBytes: number;
  who: Who;
  /** What was said so far, also when it is of no use. */
  turns: Turn[];
};

async function converse(call: Call, request: LlmRequest) {
  const jsonSchema = request.schema === undefined ? undefined : jsonSchemaOf(request.schema);
  const prompt: Prompt = {
    system: jsonSchema === undefined ? request.system : askForJson(request.system, jsonSchema),
    messages: [{ role: 'user', content: request.prompt }],
    maxOutputTokens: request.maxOutputTokens,
    temperature: jsonSchema === undefined ? undefined : 0,
    jsonSchema: call.provider.takesSchema ? jsonSchema : undefined,
  };
  const turn = await takeTurn(call, prompt);
  if (request.schema === undefined) return answerFrom([turn]);
  const parsed = await parseAnswer(turn.text, request.schema);
  if (parsed.ok) return { ...answerFrom([turn]), object: parsed.object };

  call.deadlines.expectFirstToken();
  const messages = [...prompt.messages, ...repairMessages(turn.text, parsed.problem)];
  const repair = await takeTurn(call, { ...prompt, messages });
  const repaired = await parseAnswer(repair.text, request.schema);
  if (repaired.ok) return { ...answerFrom([turn, repair]), object: repaired.object };
  throw new LlmError('invalid_output', `The answer is not what was asked for: ${repaired.problem}`);
}

/** One answer, refused unless the model came to a proper end. */
async function takeTurn(call: Call, prompt: Prompt): Promise<Turn> {
  const turn = await askOnce(call, prompt);
  call.turns.push(turn);
  const ended = call.deadlines.error();
  if (ended !== undefined) throw ended;
  if (turn.finishReason === 'length') {
    throw new LlmError('too_long', 'The model reached its limit of tokens before the end of its answer');
  }
  if (turn.finishReason === 'content-filter') throw new LlmError('refused', 'The model refused to answer');
  if (turn.finishReason !== 'stop') {
    throw new LlmError('failed', `The answer ended with the reason ${turn.finishReason || 'unknown'}`);
  }
  const text = cleanText(withoutThinking(turn.text));
  if (text.trim() === '' || text.trim() === call.provider.saysNothingAs)
    throw new LlmError('invalid_output', 'The model answered with nothing');
  return { ...turn, text };
}

/** Not every server can enforce a schema; the prompt shows it to the model in any case. */
async function askOnce(call: Call, prompt: Prompt): Promise<Turn> {
  try {
    return await streamAnswer(call.languageModel, prompt, call);
  } catch (error) {
    const noSchemas =
      error instanceof LlmError &&
      error.class === 'refused' &&
      /response_format|json_schema/i.test(error.message);
    if (!noSchemas || prompt.jsonSchema === undefined) throw error;
    return streamAnswer(call.languageModel, { ...prompt, jsonSchema: undefined }, call);
  }
}

/** Servers that do not know how a model marks its thinking leave it at the head of the answer. */
function withoutThinking(text: string): string {
  if (!/^\s*<think>/.test(text)) return text;
  const end = text.indexOf('</think>');
  return end === -1 ? '' : text.slice(end + '</think>'.length).trimStart();
}

function answerFrom(turns: [Turn, ...Turn[]]) {
  const [first] = turns;
  const last = turns.at(-1) ?? first;
  return {
    text: last.text,
    finishReason: last.finishReason,
    usage: usageOf(turns),
    timings: { firstTokenMs: first.firstTokenMs, loadMs: sum(turns.map((turn) => turn.loadMs)) },
  };
}

function usageOf(turns: Turn[]): LlmUsage {
  if (turns.length === 0) return UNKNOWN_USAGE;
  return {
    inputTokens: sum(turns.map((turn) => turn.usage.inputTokens)),
    outputTokens: sum(turns.map((turn) => turn.usage.outputTokens)),
    costUsd: sum(turns.map((turn) => turn.usage.costUsd)),
  };
}

/** With one part unknown, the whole is unknown. */
function sum(counts: (number | null)[]): number | null {
  return counts.reduce((total, count) => (total === null || count === null ? null : total + count), 0);
}

function explain(error: unknown, provider: string, model: string): LlmError {
  const known = findLlmError(error);
  if (known !== undefined) return known.with({ provider, model });
  return new LlmError('failed', cleanText(`${provider} failed: ${reasonOf(error)}`), { provider, model });
}
