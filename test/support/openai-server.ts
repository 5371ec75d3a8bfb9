import { type ModelServer, type ModelServerOptions, startModelServer, type Wire } from './model-server.ts';

export type { Exchange, ModelServer, Reply, ServedModel } from './model-server.ts';

/** The same as the server in ollama-server.ts in the format of OpenAI's chat completions, under /v1. */
export function startOpenAiServer(options: ModelServerOptions = {}): Promise<ModelServer> {
  return startModelServer(openAiWire, options);
}

const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
const chunk = (model: string, choice: unknown, more: Record<string, unknown> = {}): string =>
  event({
    id: 'c1',
    object: 'chat.completion.chunk',
    created: 1_795_341_600,
    model,
    choices: [choice],
    ...more,
  });

const openAiWire: Wire = {
  basePath: '/v1',
  chatPath: '/chat/completions',
  listPath: '/models',
  contentType: 'text/event-stream',
  list: (models) => ({ object: 'list', data: models.map(({ name }) => ({ id: name, object: 'model' })) }),
  error: (message) => ({ error: { message, type: 'error', param: null, code: null } }),
  piece: (text, model) => chunk(model, { index: 0, delta: { content: text }, finish_reason: null }),
  thinking: (text, model) =>
    chunk(model, { index: 0, delta: { reasoning_content: text }, finish_reason: null }),
  errorLine: (message) => event({ error: { message, type: 'server_error' } }),
  end: (model, { finish_reason = 'stop', ...changes }) =>
    chunk(model, { index: 0, delta: {}, finish_reason }) +
    event({
      id: 'c1',
      object: 'chat.completion.chunk',
      model,
      choices: [],
      usage: { prompt_tokens: 12, completion_tokens: 7, total_tokens: 19 },
      ...changes,
    }) +
    'data: [DONE]\n\n',
};
