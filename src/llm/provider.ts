import type { LanguageModelV3 } from '@ai-sdk/provider';
import type { Http } from './http.ts';
import type { LlmConfig, ProviderConfig, ProviderType } from './schema.ts';

/** A model as a provider lists it. */
export type ListedModel = {
  name: string;
  /** Whether `auto` may choose it: it runs on the provider's own machine and can chat. */
  choosable: boolean;
};

export type Provider = {
  name: string;
  type: ProviderType;
  baseUrl: string;
  cloud: boolean;
  /** The models that the configuration names. */
  configured: string[];
  /** The newest first. Null when the server has no listing. */
  list(signal: AbortSignal): Promise<ListedModel[] | null>;
  /** Reads the key, so it can fail. */
  model(name: string): Promise<LanguageModelV3>;
};

export type ProviderParts = {
  config: LlmConfig;
  http: Http;
  secrets: (name: string) => string | undefined;
};

export function describeProvider(name: string, config: ProviderConfig) {
  return {
    name,
    type: config.type,
    baseUrl: config.baseUrl,
    cloud: !isPrivateHost(new URL(config.baseUrl).hostname),
    configured: config.models ?? [],
  };
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
