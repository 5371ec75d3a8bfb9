import { readAccess } from '../api-key.ts';
import { networkError } from '../http-error.ts';
import { maxLineBytes } from '../line-splitter.ts';
import { describeServer, type ListedModel, type Provider, type ProviderParts } from '../provider.ts';
import type { ConfigOf } from '../schema.ts';
import { ollamaModel } from './ollama-model.ts';
import { isCloudModel, modelList } from './ollama-wire.ts';

export function ollamaProvider(name: string, config: ConfigOf<'ollama'>, parts: ProviderParts): Provider {
  const { http, secrets } = parts;

  return {
    ...describeServer(name, config),
    async list(signal) {
      const { who, headers } = await readAccess(name, config, secrets);
      const url = `${config.baseUrl}/api/tags`;
      const listed = modelList.safeParse(
        await http.sendForJson({ who, method: 'GET', url, headers, signal }),
      );
      if (!listed.success) throw networkError(who, 'what answers there is not Ollama');
      return newestFirst(listed.data.models ?? []).map(describeModel);
    },
    async model(model) {
      const { who, headers } = await readAccess(name, config, secrets);
      return ollamaModel({
        http,
        who: { ...who, model },
        baseUrl: config.baseUrl,
        headers,
        settings: {
          numCtx: config.numCtx ?? parts.config.numCtx,
          keepAlive: config.keepAlive,
          think: config.think,
        },
        maxLineBytes: maxLineBytes(parts.config.maxAnswerBytes),
      });
    },
  };
}

type Tag = {
  name: string;
  modified_at?: string | null | undefined;
  remote_host?: string | null | undefined;
  details?: { family?: string | null | undefined } | null | undefined;
};

function newestFirst<T extends Tag>(models: T[]): T[] {
  // The dates carry their time zone, so they cannot be compared as text.
  const time = (model: Tag) => Date.parse(model.modified_at ?? '') || 0;
  return models.toSorted((a, b) => time(b) - time(a));
}

function describeModel(tag: Tag): ListedModel {
  const embeds = /embed/i.test(tag.name) || /bert/i.test(tag.details?.family ?? '');
  return { name: tag.name, choosable: !embeds && !tag.remote_host && !isCloudModel(tag.name) };
}
