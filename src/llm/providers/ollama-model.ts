import type {
  LanguageModelV3,
  LanguageModelV3CallOptions,
  LanguageModelV3FinishReason,
  LanguageModelV3StreamPart,
} from '@ai-sdk/provider';
import type { Http } from '../http.ts';
import { reasonOf, streamError, type Who } from '../http-error.ts';
import { makeLineSplitter } from '../line-splitter.ts';
import { LlmError } from '../llm-error.ts';
import { type ChatLine, chatLine, chatRequest, type OllamaSettings } from './ollama-wire.ts';

export type OllamaModelOptions = {
  http: Http;
  who: Who & { model: string };
  baseUrl: string;
  headers: Record<string, string>;
  settings: OllamaSettings;
  maxLineBytes: number;
};

type Body = ReadableStreamDefaultReader<Uint8Array>;

const END_OF_BODY_MS = 200;

/** Ollama's /api/chat, always streamed, as a language model of the AI SDK. */
export function ollamaModel(options: OllamaModelOptions): LanguageModelV3 {
  return {
    specificationVersion: 'v3',
    provider: options.who.provider,
    modelId: options.who.model,
    supportedUrls: {},
    doGenerate: () => Promise.reject(new Error('This model is always streamed')),
    async doStream(call) {
      const body = await open(options, call);
      return { stream: ReadableStream.from(readParts(body, options)) };
    },
  };
}

async function open(options: OllamaModelOptions, call: LanguageModelV3CallOptions): Promise<Body> {
  try {
    return await post(options, call, options.settings);
  } catch (error) {
    const cannotThink = error instanceof LlmError && /does not support thinking/i.test(error.message);
    if (!cannotThink || options.settings.think === undefined) throw error;
    // `think` is set for a provider; not every model of it can.
    return post(options, call, { ...options.settings, think: undefined });
  }
}

async function post(
  options: OllamaModelOptions,
  call: LanguageModelV3CallOptions,
  settings: OllamaSettings,
): Promise<Body> {
  const response = await options.http.send({
    who: options.who,
    method: 'POST',
    url: `${options.baseUrl}/api/chat`,
    headers: { 'content-type': 'application/json', ...options.headers },
    body: JSON.stringify(chatRequest(options.who.model, call, settings)),
    signal: call.abortSignal ?? new AbortController().signal,
  });
  if (response.body === null) throw broken(options.who, 'it answered without a body');
  return response.body.getReader() as Body;
}

/** Tokens that came in one piece of the network become one part, which spares work at high rates. */
async function* readParts(
  body: Body,
  { who, maxLineBytes }: OllamaModelOptions,
): AsyncGenerator<LanguageModelV3StreamPart> {
  const splitter = makeLineSplitter(maxLineBytes);
  yield { type: 'stream-start', warnings: [] };
  yield { type: 'text-start', id: 'text' };
  yield { type: 'reasoning-start', id: 'thinking' };
  for (;;) {
    const { value, done } = await read(body, who);
    const lines = done ? [splitter.rest()] : splitter.push(value);
    if (lines === undefined) throw new LlmError('too_long', `${who.provider} sent a line without end`);
    const parsed = lines.filter((line) => line.trim() !== '').map((line) => parseLine(line, who));
    const thinking = parsed.map((line) => line.message?.thinking ?? '').join('');
    const text = parsed.map((line) => line.message?.content ?? '').join('');
    if (thinking !== '') yield { type: 'reasoning-delta', id: 'thinking', delta: thinking };
    if (text !== '') yield { type: 'text-delta', id: 'text', delta: text };
    const last = parsed.find((line) => line.done);
    if (last !== undefined) {
      yield { type: 'reasoning-end', id: 'thinking' };
      yield { type: 'text-end', id: 'text' };
      yield finish(last);
      if (!done) void finishBody(body);
      return;
    }
    if (done) throw broken(who, 'the answer has no end');
  }
}

async function read(body: Body, who: Who) {
  try {
    return await body.read();
  } catch (error) {
    throw error instanceof LlmError ? error : broken(who, reasonOf(error));
  }
}

function parseLine(line: string, who: Who): ChatLine {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    throw broken(who, 'it did not answer in lines of JSON, so it may not be Ollama');
  }
  const parsed = chatLine.safeParse(json);
  if (!parsed.success) throw broken(who, 'it answered with JSON that is not of Ollama');
  if (parsed.data.error != null) throw streamError(who, parsed.data);
  return parsed.data;
}

function finish(line: ChatLine): LanguageModelV3StreamPart {
  const loadMs = line.load_duration == null ? null : Math.round(line.load_duration / 1e6);
  return {
    type: 'finish',
    finishReason: finishReason(line.done_reason ?? 'stop'),
    usage: {
      inputTokens: {
        total: line.prompt_eval_count ?? undefined,
        noCache: undefined,
        cacheRead: undefined,
        cacheWrite: undefined,
      },
      outputTokens: { total: line.eval_count ?? undefined, text: undefined, reasoning: undefined },
    },
    providerMetadata: { ollama: { loadMs } },
  };
}

function finishReason(raw: string): LanguageModelV3FinishReason {
  return { unified: raw === 'stop' || raw === 'length' ? raw : 'other', raw };
}

/** The connection can be used again once its body is read to the end, which is near. */
async function finishBody(body: Body): Promise<void> {
  const timer = setTimeout(() => void body.cancel().catch(() => undefined), END_OF_BODY_MS);
  try {
    while (!(await body.read()).done);
  } catch {
    // The answer is complete; how the connection ends does not matter.
  } finally {
    clearTimeout(timer);
  }
}

function broken(who: Who, reason: string): LlmError {
  return new LlmError('failed', `${who.provider} broke off: ${reason}`, {
    provider: who.provider,
    model: who.model,
  });
}
