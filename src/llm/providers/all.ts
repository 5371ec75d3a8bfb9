import type { Provider, ProviderParts } from '../provider.ts';
import type { ProviderConfig } from '../schema.ts';
import { aiSdkProvider } from './ai-sdk.ts';
import { commandProvider } from './command.ts';
import { ollamaProvider } from './ollama.ts';
import { openAiProvider } from './openai-compatible.ts';
import { openClawProvider } from './openclaw.ts';

/** One kind of provider, one file. */
export function makeProvider(name: string, config: ProviderConfig, parts: ProviderParts): Provider {
  if (config.type === 'ollama') return ollamaProvider(name, config, parts);
  if (config.type === 'openai-compatible') return openAiProvider(name, config, parts);
  if (config.type === 'command') return commandProvider(name, config, parts);
  if (config.type === 'openclaw') return openClawProvider(name, config, parts);
  return aiSdkProvider(name, config, parts);
}
