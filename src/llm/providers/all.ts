import type { Provider, ProviderParts } from '../provider.ts';
import type { ProviderConfig } from '../schema.ts';
import { aiSdkProvider } from './ai-sdk.ts';
import { commandProvider } from './command.ts';
import { ollamaProvider } from './ollama.ts';
import { openAiProvider } from './openai-compatible.ts';
import { openClawProvider } from './openclaw.ts';

/** One kind of provider, one file. */
export function makeProvider(name: string, config: ProviderConfig, parts: ProviderParts): Provider {
  switch (config.type) {
    case 'ollama':
      return ollamaProvider(name, config, parts);
    case 'openai-compatible':
      return openAiProvider(name, config, parts);
    case 'command':
      return commandProvider(name, config, parts);
    case 'openclaw':
      return openClawProvider(name, config, parts);
    case 'ai-sdk':
      return aiSdkProvider(name, config, parts);
  }
}
