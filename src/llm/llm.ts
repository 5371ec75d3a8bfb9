import type { Log } from '../log.ts';
import { readConfigured } from './configured.ts';
import { makeHttp } from './http.ts';
import { makeMemory } from './memory.ts';
import type { ProviderParts } from './provider.ts';
import { makeProvider } from './providers/all.ts';
import { makeRouter } from './router.ts';
import type { LlmConfig } from './schema.ts';
import type { Installation, Llm } from './types.ts';

export { LlmError, type LlmErrorClass } from './llm-error.ts';
export { type LlmConfig, type LlmConfigInput, llmConfigSchema } from './schema.ts';
export type {
  Installation,
  Llm,
  LlmAnswer,
  LlmEngine,
  LlmRequest,
  LlmStatus,
  LlmUsage,
  ProviderStatus,
} from './types.ts';

export type LlmDeps = {
  log: Log;
  installation: Installation;
  /** Looks up the environment variables that hold keys. */
  secrets: (name: string) => string | undefined;
  /** The folder below which provider packages are installed. */
  packagesIn: string;
};

/** Throws `config_invalid` for names that cannot be; everything else waits for the first request. */
export function makeLlm(config: LlmConfig, deps: LlmDeps): Llm {
  const { providers, ...configured } = readConfigured(config);
  const http = makeHttp();
  const log = deps.log.child({ part: 'llm' });
  const parts: ProviderParts = { config, http, secrets: deps.secrets, packagesIn: deps.packagesIn };
  return makeRouter({
    config,
    providers: Object.entries(providers).map(([name, each]) => makeProvider(name, each, parts)),
    configured: { ...configured, explicit: isExplicit(config, configured.first !== undefined) },
    memory: makeMemory(deps.installation, log),
    http,
    log,
  });
}

/** Whether somebody wrote down a model, which says that one is wanted. */
function isExplicit(config: LlmConfig, hasDefault: boolean): boolean {
  return (
    hasDefault ||
    config.fallback !== undefined ||
    Object.keys(config.agentModels).length > 0 ||
    Object.values(config.providers).some(({ models }) => models !== undefined)
  );
}
