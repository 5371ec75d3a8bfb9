import type { Prober } from './prober.ts';
import type { Provider } from './provider.ts';
import type { Target } from './target.ts';

/**
 * What `auto` uses: the newest local model of the first Ollama that answers, else the first model that the
 * configuration names for another provider. A provider that needs text to leave the machine is so never
 * chosen unless somebody wrote it down.
 */
export function chooseTarget(providers: Provider[], prober: Prober): Target | undefined {
  for (const provider of providers.filter(({ type }) => type === 'ollama')) {
    const { usable, models } = prober.state(provider);
    if (!usable || models === null) continue;
    const model = provider.configured[0] ?? models.find(({ choosable }) => choosable)?.name;
    if (model !== undefined) return { provider: provider.name, model };
  }
  for (const provider of providers.filter(({ type }) => type !== 'ollama')) {
    const [model] = provider.configured;
    if (model !== undefined && prober.state(provider).usable) return { provider: provider.name, model };
  }
  return undefined;
}

/** Why `auto` found nothing, and what to do about it. */
export function adviceFor(providers: Provider[], prober: Prober): string {
  const reasons = providers.map((provider) => {
    const { problem, models, reachable } = prober.state(provider);
    if (problem !== null) return problem;
    if (reachable === null) return `${provider.name} was not asked yet`;
    if (provider.type === 'ollama') {
      const found = models?.length ?? 0;
      return `${provider.name} at ${provider.address} has ${found === 0 ? 'no model' : 'no local model that can chat'}`;
    }
    return `${provider.name} has no models in the configuration`;
  });
  return (
    `No language model was found: ${reasons.join('; ')}. ` +
    'Start Ollama and run "ollama pull qwen3", or set OPSLOOP_LLM to provider:model.'
  );
}
