import type {
  LanguageModelV3,
  LanguageModelV3CallOptions,
  LanguageModelV3Prompt,
  LanguageModelV3StreamPart,
} from '@ai-sdk/provider';
import { type LlmUsage, UNKNOWN_USAGE } from './types.ts';

/** What answers at once and as a whole, as a language model of the AI SDK. */
export function wholeAnswerModel(
  who: { provider: string; model: string },
  answer: (call: LanguageModelV3CallOptions) => Promise<{ text: string; usage?: LlmUsage }>,
): LanguageModelV3 {
  return {
    specificationVersion: 'v3',
    provider: who.provider,
    modelId: who.model,
    supportedUrls: {},
    doGenerate: () => Promise.reject(new Error('This model is always streamed')),
    async doStream(call) {
      const { text, usage = UNKNOWN_USAGE } = await answer(call);
      return { stream: ReadableStream.from(partsOf(text, usage)) };
    },
  };
}

/** The turns of a conversation as one text, for what takes nothing else. */
export function promptText(prompt: LanguageModelV3Prompt): string {
  return prompt
    .map(({ role, content }) => {
      const text =
        typeof content === 'string'
          ? content
          : content.map((part) => (part.type === 'text' ? part.text : '')).join('');
      return role === 'assistant' ? `You answered:\n${text}` : text;
    })
    .filter((text) => text !== '')
    .join('\n\n');
}

function partsOf(
  text: string,
  { inputTokens, outputTokens, costUsd }: LlmUsage,
): LanguageModelV3StreamPart[] {
  return [
    { type: 'stream-start', warnings: [] },
    { type: 'text-start', id: 'text' },
    { type: 'text-delta', id: 'text', delta: text },
    { type: 'text-end', id: 'text' },
    {
      type: 'finish',
      finishReason: { unified: 'stop', raw: 'stop' },
      usage: {
        inputTokens: {
          total: inputTokens ?? undefined,
          noCache: undefined,
          cacheRead: undefined,
          cacheWrite: undefined,
        },
        outputTokens: { total: outputTokens ?? undefined, text: undefined, reasoning: undefined },
      },
      providerMetadata: { opsloop: { costUsd } },
    },
  ];
}
