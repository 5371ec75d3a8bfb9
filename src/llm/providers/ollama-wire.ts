import type { LanguageModelV3CallOptions, LanguageModelV3Message } from '@ai-sdk/provider';
import { z } from 'zod';
import type { ProviderConfig } from '../schema.ts';

/** What Ollama's own API says over HTTP: https://github.com/ollama/ollama/blob/main/docs/api.md */

export type OllamaSettings = {
  numCtx: number;
  keepAlive?: string | number | undefined;
  think?: Extract<ProviderConfig, { type: 'ollama' }>['think'];
};

export function chatRequest(model: string, options: LanguageModelV3CallOptions, settings: OllamaSettings) {
  const format = options.responseFormat;
  return {
    model,
    messages: options.prompt.map((message) => ({ role: message.role, content: textOf(message) })),
    stream: true,
    format: format?.type === 'json' ? (format.schema ?? 'json') : undefined,
    keep_alive: settings.keepAlive,
    think: settings.think,
    // Both are true by default, and then a prompt that is too long loses its beginning without a word.
    truncate: false,
    shift: false,
    options: {
      // Another size makes Ollama load the model again, so it is the same for every call.
      num_ctx: settings.numCtx,
      num_predict: options.maxOutputTokens,
      temperature: options.temperature,
    },
  };
}

const count = z.int().min(0).nullish().catch(null);

/** One line of the answer. Unknown members are left alone: newer versions add some. */
export const chatLine = z.object({
  message: z.object({ content: z.string().nullish(), thinking: z.string().nullish() }).nullish(),
  error: z.unknown().optional(),
  done: z.boolean().nullish(),
  done_reason: z.string().nullish(),
  load_duration: z.number().nullish().catch(null),
  prompt_eval_count: count,
  eval_count: count,
});
export type ChatLine = z.infer<typeof chatLine>;

export const modelList = z.object({
  models: z
    .array(
      z.object({
        name: z.string(),
        modified_at: z.string().nullish(),
        remote_host: z.string().nullish(),
        details: z.object({ family: z.string().nullish() }).nullish(),
      }),
    )
    .nullish(),
});

/** Names of models that Ollama passes on to its makers' servers. */
export function isCloudModel(name: string): boolean {
  return name.endsWith('-cloud') || name.endsWith(':cloud');
}

function textOf(message: LanguageModelV3Message): string {
  if (typeof message.content === 'string') return message.content;
  return message.content.map((part) => (part.type === 'text' ? part.text : '')).join('');
}
