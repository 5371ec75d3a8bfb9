import type { LlmConfig, ProviderConfig } from './schema.ts';
import { configuredTarget, modeTarget, type Target } from './target.ts';

export type Configured = {
  providers: Record<string, ProviderConfig>;
  first: Target | undefined;
  fallback: Target | undefined;
};

/** What the configuration names. @throws AppError config_invalid for names that cannot be */
export function readConfigured(config: LlmConfig): Configured {
  const providers: Record<string, ProviderConfig> = {
    ollama: { type: 'ollama', baseUrl: config.ollamaUrl },
    ...config.providers,
  };
  const names = Object.keys(providers);
  const target = (setting: string, name: string | undefined) =>
    name === undefined ? undefined : configuredTarget(setting, name, names);
  for (const [agent, name] of Object.entries(config.agentModels)) target(`The model of agent ${agent}`, name);
  return {
    providers,
    first: modeTarget(config.mode, names) ?? target('The default model', config.defaultModel),
    fallback: target('The fallback model', config.fallback),
  };
}
