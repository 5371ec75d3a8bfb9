import type { LanguageModelV3 } from '@ai-sdk/provider';
import type { Http } from './http.ts';
import type { LlmConfig, LlmTimeouts, ProviderType } from './schema.ts';

/** A model as a provider lists it. */
export type ListedModel = {
  name: string;
  /** Whether `auto` may choose it: it runs on the provider's own machine and can chat. */
  choosable: boolean;
};

export type Provider = {
  name: string;
  type: ProviderType;
  /** Where it answers, or the program that is run. */
  address: string;
  /** Whether text sent there leaves this machine and its private network. */
  cloud: boolean;
  /** The models that the configuration names. */
  configured: string[];
  /** Where they differ from those of the configuration. */
  timeouts?: Partial<LlmTimeouts>;
  /** Whether it can be told the form of the answer; every model is also told it in words. */
  takesSchema: boolean;
  /** What it answers in the place of nothing. */
  saysNothingAs?: string;
  /** The newest first. Null when the server has no listing. */
  list(signal: AbortSignal): Promise<ListedModel[] | null>;
  /** Reads the key, so it can fail. */
  model(name: string): Promise<LanguageModelV3>;
};

export type ProviderParts = {
  config: LlmConfig;
  http: Http;
  /** Looks up variables of the environment. */
  secrets: (name: string) => string | undefined;
  /** The folder below which provider packages are installed. */
  packagesIn: string;
};

/** What the configuration says of a provider that is a server. */
export function describeServer(
  name: string,
  config: { type: ProviderType; baseUrl: string; models?: string[] | undefined },
) {
  return {
    name,
    type: config.type,
    address: config.baseUrl,
    cloud: !isPrivateHost(new URL(config.baseUrl).hostname),
    configured: config.models ?? [],
    takesSchema: true,
  };
}

/** For what says nothing until it is done: only the whole call has a deadline. */
export function onlyInAll(totalMs: number): LlmTimeouts {
  return { firstTokenMs: totalMs, idleMs: totalMs, totalMs };
}

/** Loopback, private ranges, and names that only a local network resolves. */
export function isPrivateHost(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase();
  if (name.includes(':')) return name === '::1' || /^f[cd]|^fe80:/.test(name);
  if (/^\d+\.\d+\.\d+\.\d+$/.test(name)) {
    return /^(127|10)\.|^192\.168\.|^169\.254\.|^172\.(1[6-9]|2\d|3[01])\./.test(name);
  }
  return !name.includes('.') || /\.(local|lan|internal|localhost|home\.arpa)$/.test(name);
}
