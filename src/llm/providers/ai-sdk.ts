import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { LanguageModelV3 } from '@ai-sdk/provider';
import { readAccess } from '../api-key.ts';
import { maxLineBytes } from '../line-splitter.ts';
import { LlmError } from '../llm-error.ts';
import { isPrivateHost, type Provider, type ProviderParts } from '../provider.ts';
import type { ConfigOf } from '../schema.ts';
import { cappedFetch } from './capped-fetch.ts';
import { toldSafely } from './told-safely.ts';

type AiSdkConfig = ConfigOf<'ai-sdk'>;
type Create = (settings: {
  apiKey: string | undefined;
  baseURL: string | undefined;
  headers: Record<string, string>;
  fetch: typeof globalThis.fetch;
}) => { languageModel(name: string): LanguageModelV3 };

/** A hosted provider by a package of the AI SDK, which the user installs; such packages export one `create…`. */
export function aiSdkProvider(name: string, config: AiSdkConfig, parts: ProviderParts): Provider {
  const install = `npm install --prefix ${parts.packagesIn} ${config.package}`;
  let loading: Promise<Create> | undefined;
  const load = () =>
    (loading ??= loadPackage(name, config.package, parts.packagesIn, install).catch((error: unknown) => {
      // It may be installed while we run.
      loading = undefined;
      throw error;
    }));

  return {
    name,
    type: 'ai-sdk',
    address: config.baseUrl ?? config.package,
    cloud: config.baseUrl === undefined || !isPrivateHost(new URL(config.baseUrl).hostname),
    configured: config.models ?? [],
    takesSchema: true,
    async list() {
      await load();
      await readAccess(name, config, parts.secrets);
      return (config.models ?? []).map((model) => ({ name: model, choosable: false }));
    },
    async model(model) {
      const create = await load();
      const { who } = await readAccess(name, config, parts.secrets);
      const made = create({
        apiKey: who.key,
        baseURL: config.baseUrl,
        headers: config.headers ?? {},
        fetch: cappedFetch(parts.http, { ...who, model }, maxLineBytes(parts.config.maxAnswerBytes)),
      }).languageModel(model);
      if (made.specificationVersion === 'v3') return toldSafely(made, { ...who, model });
      throw new LlmError(
        'refused',
        `${name}: ${config.package} speaks another version of the AI SDK than v3; run: ${install}@3`,
      );
    },
  };
}

async function loadPackage(
  provider: string,
  name: string,
  packagesIn: string,
  install: string,
): Promise<Create> {
  const exports = await importFrom([join(packagesIn, 'package.json'), import.meta.filename], name);
  if (exports === undefined)
    throw new LlmError('unavailable', `${provider}: the package ${name} is not installed; run: ${install}`);
  const create = Object.entries(exports).find(
    ([key, value]) => /^create[A-Z]/.test(key) && typeof value === 'function',
  );
  if (create === undefined)
    throw new LlmError('refused', `${provider}: the package ${name} is no provider of the AI SDK`);
  return create[1] as Create;
}

/** The package from the first place that has it. */
async function importFrom(places: string[], name: string): Promise<Record<string, unknown> | undefined> {
  for (const place of places) {
    let path: string;
    try {
      path = createRequire(place).resolve(name);
    } catch {
      continue;
    }
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  }
  return undefined;
}
