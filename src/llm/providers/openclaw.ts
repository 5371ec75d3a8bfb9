import { z } from 'zod';
import { readAccess } from '../api-key.ts';
import { LlmError } from '../llm-error.ts';
import { describeServer, onlyInAll, type Provider, type ProviderParts } from '../provider.ts';
import type { ConfigOf } from '../schema.ts';
import { promptText, wholeAnswerModel } from '../whole-answer.ts';
import { openAiProvider } from './openai-compatible.ts';

type OpenClawConfig = ConfigOf<'openclaw'>;

/** The gateway's own model, whatever it is configured to be. */
const DEFAULT_MODEL = 'default';
const DEFAULT_AGENT = 'openclaw/default';
/** For an answer that is no JSON of its own. */
const TEXT_SCHEMA = {
  type: 'object',
  properties: { text: { type: 'string', description: 'The whole answer.' } },
  required: ['text'],
  additionalProperties: false,
};

const SWITCH_ON = {
  'llm-task':
    'switch it on in OpenClaw: plugins.entries["llm-task"].enabled and tools.alsoAllow: ["llm-task"]',
  agent: 'switch it on in OpenClaw: gateway.http.endpoints.chatCompletions.enabled',
};

/** The gateway of OpenClaw: one call of its model without tools, or one of its agents. */
export function openClawProvider(name: string, config: OpenClawConfig, parts: ProviderParts): Provider {
  const provider = config.via === 'agent' ? agents(name, config, parts) : modelTask(name, config, parts);
  // The gateway may run here; where its model runs is not known.
  return { ...provider, cloud: true };
}

/** `POST /v1/chat/completions`: the agent works with the tools it has, and says what came of it. */
function agents(name: string, config: OpenClawConfig, parts: ProviderParts): Provider {
  const { apiKeyFile, baseUrl, timeoutMs, models = [DEFAULT_AGENT] } = config;
  const chat = openAiProvider(name, { baseUrl: `${baseUrl}/v1`, apiKeyFile, models }, parts);
  return {
    ...chat,
    ...describeServer(name, { ...config, models }),
    // It knows no response_format, and an empty answer has words.
    takesSchema: false,
    saysNothingAs: 'No response from OpenClaw.',
    // An agent is silent while it uses its tools.
    timeouts: onlyInAll(timeoutMs ?? parts.config.timeouts.totalMs),
    list: async (signal) => {
      const { who, headers } = await readAccess(name, { apiKeyFile }, parts.secrets);
      const call = { who, method: 'GET', url: `${baseUrl}/v1/models`, headers, signal } as const;
      await parts.http.sendForJson(call).catch((error: unknown) => explain(error, 'agent'));
      return models.map((model) => ({ name: model, choosable: false }));
    },
  };
}

const invoked = z.object({
  ok: z.literal(true),
  result: z.object({ details: z.object({ json: z.unknown() }) }),
});

/** `POST /tools/invoke` with `llm-task`: no tools, no transcript; the answer is JSON of a schema. */
function modelTask(name: string, config: OpenClawConfig, parts: ProviderParts): Provider {
  const { apiKeyFile, baseUrl, agentId } = config;
  const models = config.models ?? [DEFAULT_MODEL];
  const totalMs = config.timeoutMs ?? parts.config.timeouts.totalMs;

  const invoke = async (args: Record<string, unknown>, signal: AbortSignal): Promise<unknown> => {
    const { who, headers } = await readAccess(name, { apiKeyFile }, parts.secrets);
    const answer = await parts.http
      .sendForJson({
        who,
        method: 'POST',
        url: `${baseUrl}/tools/invoke`,
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ tool: 'llm-task', args, ...(agentId === undefined ? {} : { agentId }) }),
        signal,
      })
      .catch((error: unknown) => explain(error, 'llm-task'));
    const parsed = invoked.safeParse(answer);
    if (parsed.success) return parsed.data.result.details.json;
    throw new LlmError('invalid_output', `${name} did not answer in the form of llm-task`);
  };

  return {
    ...describeServer(name, { ...config, models }),
    timeouts: onlyInAll(totalMs),
    async list(signal) {
      const { who } = await readAccess(name, { apiKeyFile }, parts.secrets);
      // Without the token: too many calls with a wrong one lock the gateway.
      const call = { who, method: 'GET', url: `${baseUrl}/healthz`, headers: {}, signal } as const;
      await (await parts.http.send(call)).body?.cancel();
      return models.map((model) => ({ name: model, choosable: false }));
    },
    model: (model) =>
      Promise.resolve(
        wholeAnswerModel({ provider: name, model }, async (call) => {
          const { responseFormat } = call;
          const schema = responseFormat?.type === 'json' ? responseFormat.schema : undefined;
          const json = await invoke(
            {
              prompt: promptText(call.prompt),
              schema: schema ?? TEXT_SCHEMA,
              // Its own limit would be 30 s.
              timeoutMs: totalMs,
              ...(model === DEFAULT_MODEL ? {} : { model }),
              ...(call.maxOutputTokens === undefined ? {} : { maxTokens: call.maxOutputTokens }),
            },
            call.abortSignal ?? new AbortController().signal,
          );
          return { text: schema === undefined ? textIn(json, name) : JSON.stringify(json) };
        }),
      ),
  };
}

function textIn(json: unknown, name: string): string {
  const parsed = z.object({ text: z.string() }).safeParse(json);
  if (parsed.success) return parsed.data.text;
  throw new LlmError('invalid_output', `${name} did not answer with the text that was asked for`);
}

/** What is not found is switched off there. */
function explain(error: unknown, via: keyof typeof SWITCH_ON): never {
  if (error instanceof LlmError && error.class === 'model_missing')
    throw new LlmError('model_missing', `${error.message}; ${SWITCH_ON[via]}`).with(error);
  throw error;
}
