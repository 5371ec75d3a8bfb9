import type { z } from 'zod';
import type { ProviderType } from './schema.ts';

/**
 * Words used here. A *provider* is a server of language models, named in the configuration. A *model* is
 * what the provider calls it. A *target* is a provider and a model. An *engine* is what produced an
 * answer: a kind of provider, or the extractive analyst that is built in and is no language model.
 */
export type LlmEngine = ProviderType | 'extractive';

export type LlmRequest = {
  system: string;
  prompt: string;
  /** `name` (a model of Ollama) or `provider:model`; absent means the default. Never a URL. */
  model?: string | undefined;
  /** Asks for structured output; `answer.object` is validated by it. */
  schema?: z.ZodType | undefined;
  maxOutputTokens?: number | undefined;
  /** For the extractive analyst: the plain text to analyse and its title, without instructions. */
  document?: { title: string; text: string } | undefined;
  /** Whether the extractive analyst may serve this request when there is no language model. */
  extractiveAllowed: boolean;
};

export type LlmAnswer = {
  text: string;
  object?: unknown;
  engine: LlmEngine;
  /** Whether a language model wrote it. */
  llm: boolean;
  provider: string;
  model: string | null;
  usage: LlmUsage;
  timings: { firstTokenMs: number | null; totalMs: number; loadMs: number | null };
  finishReason: string;
};

/** Null is unknown: a server need not count, and most do not say what it cost. */
export type LlmUsage = { inputTokens: number | null; outputTokens: number | null; costUsd: number | null };

export const UNKNOWN_USAGE: LlmUsage = { inputTokens: null, outputTokens: null, costUsd: null };

export type ProviderStatus = {
  name: string;
  type: ProviderType;
  /** Where it answers, or the program that is run. */
  address: string;
  /** Null until it was asked. */
  reachable: boolean | null;
  models: string[] | null;
  problem: string | null;
  /** Whether text sent there leaves this machine and its private network. */
  cloud: boolean;
};

export type LlmStatus = {
  mode: string;
  /** A sentence for humans: what serves a request that names no model. */
  serving: string;
  /** Whether a language model serves it. */
  llm: boolean;
  /** Whether the extractive analyst serves it. */
  extractive: boolean;
  model: string | null;
  provider: string | null;
  providers: ProviderStatus[];
};

export interface Llm {
  /** Throws `LlmError` and nothing else. */
  complete(request: LlmRequest, signal: AbortSignal): Promise<LlmAnswer>;
  status(): LlmStatus;
  /** Asks every provider again, now. */
  refresh(): Promise<LlmStatus>;
  close(): Promise<void>;
}

/** What the installation remembers over restarts: whether it ever had a language model. */
export type Installation = {
  modelSeen(): Promise<boolean>;
  rememberModel(): Promise<void>;
};
