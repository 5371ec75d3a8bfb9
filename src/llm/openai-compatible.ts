import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { z } from 'zod';
import { readAccess } from './api-key.ts';
import type { Http } from './http.ts';
import type { Who } from './http-error.ts';
import { makeLineSplitter, maxLineBytes } from './line-splitter.ts';
import { LlmError } from './llm-error.ts';
import { describeProvider, type Provider, type ProviderParts } from './provider.ts';
import type { ProviderConfig } from './schema.ts';

type OpenAiConfig = Extract<ProviderConfig, { type: 'openai-compatible' }>;

const listing = z.object({ data: z.array(z.object({ id: z.string() })) });

export function openAiProvider(name: string, config: OpenAiConfig, parts: ProviderParts): Provider {
  const { http, secrets } = parts;

  return {
    ...describeProvider(name, config),
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
        fetch: capped(http, { ...who, model }, maxLineBytes(parts.config.maxAnswerBytes)),
      });
      return provider.chatModel(model);
    },
  };
}

/** Our own client in the shape of `fetch`: no redirects, errors with classes, no endless lines. */
function capped(http: Http, who: Who, maxLineBytes: number): typeof globalThis.fetch {
  return async (input, init) => {
    const response = await http.send({
      who,
      method: 'POST',
      url: input instanceof Request ? input.url : String(input),
      headers: Object.fromEntries(new Headers(init?.headers)),
      body: typeof init?.body === 'string' ? init.body : undefined,
      signal: init?.signal ?? new AbortController().signal,
    });
    const splitter = makeLineSplitter(maxLineBytes);
    const limit = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        if (splitter.push(chunk) === undefined) {
          controller.error(new LlmError('too_long', `${who.provider} sent a line without end`));
        } else {
          controller.enqueue(chunk);
        }
      },
    });
    const headers = { 'content-type': response.headers.get('content-type') ?? '' };
    return new Response(response.body?.pipeThrough(limit) ?? null, { status: response.status, headers });
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
