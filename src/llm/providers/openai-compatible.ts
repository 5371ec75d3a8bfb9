import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { z } from 'zod';
import { readAccess } from '../api-key.ts';
import { maxLineBytes } from '../line-splitter.ts';
import { LlmError } from '../llm-error.ts';
import { describeServer, type Provider, type ProviderParts } from '../provider.ts';
import type { ConfigOf } from '../schema.ts';
import { cappedFetch } from './capped-fetch.ts';
import { toldSafely } from './told-safely.ts';

type OpenAiConfig = Omit<ConfigOf<'openai-compatible'>, 'type'>;

const listing = z.object({ data: z.array(z.object({ id: z.string() })) });

export function openAiProvider(name: string, config: OpenAiConfig, parts: ProviderParts): Provider {
  const { http, secrets } = parts;

  return {
    ...describeServer(name, { ...config, type: 'openai-compatible' }),
    async list(signal) {
      const { who, headers } = await readAccess(name, config, secrets);
      try {
        const url = `${config.baseUrl}/models`;
        const listed = listing.safeParse(
          await http.sendForJson({ who, method: 'GET', url, headers, signal }),
        );
        // Which of them is meant cannot be told from a listing, so none is chosen unless configured.
        return listed.success ? listed.data.data.map(({ id }) => ({ name: id, choosable: false })) : null;
      } catch (error) {
        // Some servers have no listing.
        if (error instanceof LlmError && error.class === 'model_missing') return null;
        throw error;
      }
    },
    async model(model) {
      const { who, headers } = await readAccess(name, config, secrets);
      const provider = createOpenAICompatible({
        name,
        baseURL: config.baseUrl,
        headers,
        includeUsage: true,
        supportsStructuredOutputs: true,
        convertUsage,
        fetch: cappedFetch(http, { ...who, model }, maxLineBytes(parts.config.maxAnswerBytes)),
      });
      return toldSafely(provider.chatModel(model), { ...who, model });
    },
  };
}

type TokenUsage = { prompt_tokens?: number | null; completion_tokens?: number | null };

/** What the server did not count stays unknown; the library would make it 0. */
function convertUsage(usage: TokenUsage | null | undefined) {
  return {
    inputTokens: {
      total: usage?.prompt_tokens ?? undefined,
      noCache: undefined,
      cacheRead: undefined,
      cacheWrite: undefined,
    },
    outputTokens: {
      total: usage?.completion_tokens ?? undefined,
      text: undefined,
      reasoning: undefined,
    },
  };
}
