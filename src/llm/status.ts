import type { Prober } from './prober.ts';
import type { Provider } from './provider.ts';
import type { Target } from './target.ts';
import type { LlmStatus, ProviderStatus } from './types.ts';

export type Serving = { target: Target | undefined; extractive: boolean; advice: string };

export function describeStatus(
  mode: string,
  providers: Provider[],
  prober: Prober,
  { target, extractive, advice }: Serving,
): LlmStatus {
  const provider = providers.find(({ name }) => name === target?.provider);
  return {
    mode,
    serving: sentence(mode, target, provider, extractive, advice),
    llm: target !== undefined,
    extractive,
    model: target?.model ?? null,
    provider: target?.provider ?? null,
    providers: providers.map((each) => describeOne(each, prober)),
  };
}

function sentence(
  mode: string,
  target: Target | undefined,
  provider: Provider | undefined,
  extractive: boolean,
  advice: string,
): string {
  if (target !== undefined) {
    return `${target.provider}:${target.model} on ${provider?.address ?? 'an unknown address'}`;
  }
  if (!extractive) return advice;
  const why = mode === 'extractive' ? 'by OPSLOOP_LLM' : 'no language model found';
  return `the built-in extractive analyst (${why})`;
}

function describeOne(provider: Provider, prober: Prober): ProviderStatus {
  const { reachable, models, problem } = prober.state(provider);
  return {
    name: provider.name,
    type: provider.type,
    address: provider.address,
    reachable,
    models: models?.map(({ name }) => name) ?? null,
    problem,
    cloud: provider.cloud,
  };
}
