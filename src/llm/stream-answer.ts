import type { LanguageModelV3 } from '@ai-sdk/provider';
import { type ModelMessage, streamText, wrapLanguageModel } from 'ai';
import type { Deadlines } from './deadlines.ts';
import { streamError, type Who } from './http-error.ts';
import { findLlmError, LlmError } from './llm-error.ts';
import type { JsonSchema } from './structured.ts';
import { type LlmUsage, UNKNOWN_USAGE } from './types.ts';

export type Prompt = {
  system: string;
  messages: ModelMessage[];
  maxOutputTokens: number | undefined;
  temperature: number | undefined;
  jsonSchema: JsonSchema | undefined;
};

export type Turn = {
  text: string;
  finishReason: string;
  usage: LlmUsage;
  firstTokenMs: number | null;
  loadMs: number | null;
};

// It would write to the standard error, in its own form; what matters comes back as an error.
globalThis.AI_SDK_LOG_WARNINGS = false;

/** A model that thinks may think longer than it answers, but not without end. */
const THINKING_SHARE = 8;

/** One request to a model through the AI SDK, read to its end. Throws `LlmError`. */
export async function streamAnswer(
  model: LanguageModelV3,
  prompt: Prompt,
  limits: { deadlines: Deadlines; maxAnswerBytes: number; who: Who },
): Promise<Turn> {
  const { deadlines, maxAnswerBytes, who } = limits;
  const started = performance.now();
  const pieces: string[] = [];
  const turn: Turn = {
    text: '',
    finishReason: '',
    usage: UNKNOWN_USAGE,
    firstTokenMs: null,
    loadMs: null,
  };
  let answerBytes = 0;
  let thinkingBytes = 0;

  function take(): void {
    deadlines.progress();
    turn.firstTokenMs ??= Math.round(performance.now() - started);
    if (answerBytes <= maxAnswerBytes && thinkingBytes <= maxAnswerBytes * THINKING_SHARE) return;
    deadlines.fail(new LlmError('too_long', `The answer is longer than ${maxAnswerBytes} bytes`));
  }

  const { fullStream } = streamText({
    model: prompt.jsonSchema === undefined ? model : withFormat(model, prompt.jsonSchema),
    system: prompt.system,
    messages: prompt.messages,
    maxOutputTokens: prompt.maxOutputTokens,
    temperature: prompt.temperature,
    // Strict mode refuses schemas with optional members; the answer is checked in any case.
    providerOptions: { openaiCompatible: { strictJsonSchema: false }, openai: { strictJsonSchema: false } },
    // The queue decides about another attempt.
    maxRetries: 0,
    abortSignal: deadlines.signal,
    onError: () => undefined,
    experimental_include: { requestBody: false },
    experimental_telemetry: { isEnabled: false, recordInputs: false, recordOutputs: false },
  });
  for await (const part of fullStream) {
    if (deadlines.error() !== undefined) break;
    if (part.type === 'text-delta') {
      pieces.push(part.text);
      answerBytes += Buffer.byteLength(part.text);
      take();
    } else if (part.type === 'reasoning-delta') {
      thinkingBytes += Buffer.byteLength(part.text);
      take();
    } else if (part.type === 'error') {
      throw findLlmError(part.error) ?? streamError(who, part.error);
    } else if (part.type === 'finish-step') {
      turn.finishReason =
        part.finishReason === 'other' ? (part.rawFinishReason ?? 'other') : part.finishReason;
      turn.usage = {
        inputTokens: part.usage.inputTokens ?? null,
        outputTokens: part.usage.outputTokens ?? null,
        costUsd: numberOrNull(part.providerMetadata?.['opsloop']?.['costUsd']),
      };
      turn.loadMs = numberOrNull(part.providerMetadata?.['ollama']?.['loadMs']);
    }
  }
  turn.text = pieces.join('');
  return turn;
}

function withFormat(model: LanguageModelV3, schema: JsonSchema): LanguageModelV3 {
  return wrapLanguageModel({
    model,
    middleware: {
      specificationVersion: 'v3',
      transformParams: ({ params }) =>
        Promise.resolve({ ...params, responseFormat: { type: 'json', name: 'answer', schema } }),
    },
  });
}

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
