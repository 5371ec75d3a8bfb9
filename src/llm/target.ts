import { AppError } from '../errors.ts';
import { LlmError } from './llm-error.ts';

/** Which model of which provider. */
export type Target = { provider: string; model: string };

const LONGEST_NAME = 200;

/**
 * `provider:model` when the part before the first colon is a known provider; else the whole is a model of
 * Ollama, whose names have colons of their own (`qwen3:8b`). Null for what is no name: above all a URL,
 * because a request must not choose where text is sent.
 */
export function parseTarget(name: string, providers: string[]): Target | null {
  if (name.length > LONGEST_NAME || name.includes('//') || name.includes('..')) return null;
  if (!/^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$/.test(name)) return null;
  const colon = name.indexOf(':');
  const prefix = name.slice(0, Math.max(colon, 0));
  if (!providers.includes(prefix)) return { provider: 'ollama', model: name };
  const model = name.slice(colon + 1);
  // It can become an argument of a program, where it must not be a flag.
  return model === '' || model.startsWith('-') ? null : { provider: prefix, model };
}

/** A name that came with a request. */
export function requestedTarget(name: string, providers: string[]): Target {
  const target = parseTarget(name, providers);
  if (target !== null) return target;
  throw new LlmError(
    'refused',
    `${JSON.stringify(name.slice(0, 80))} is not a model name. Write a name of Ollama such as qwen3:8b, or ` +
      `provider:model with one of the providers ${providers.join(', ')}; never an address`,
  );
}

/** A name from the configuration. */
export function configuredTarget(setting: string, name: string, providers: string[]): Target {
  const target = parseTarget(name, providers);
  if (target !== null) return target;
  throw new AppError('config_invalid', `${setting} is not a model name: ${JSON.stringify(name)}`, {
    details: { setting, given: name, providers },
  });
}

/** The target that the mode names, or undefined for a mode that is a word. */
export function modeTarget(mode: string, providers: string[]): Target | undefined {
  if (mode === 'auto' || mode === 'extractive' || mode === 'none') return undefined;
  const prefix = mode.slice(0, Math.max(mode.indexOf(':'), 0));
  const target = providers.includes(prefix) ? parseTarget(mode, providers) : null;
  if (target !== null) return target;
  throw new AppError(
    'config_invalid',
    `OPSLOOP_LLM is ${JSON.stringify(mode)}; it can be auto, extractive, none, or provider:model with one of ` +
      `the providers ${providers.join(', ')}; a model of Ollama is written ollama:qwen3`,
    { details: { given: mode, providers } },
  );
}
