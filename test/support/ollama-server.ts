import { type ModelServer, type ModelServerOptions, startModelServer, type Wire } from './model-server.ts';

export type { Exchange, ModelServer, Reply, ServedModel } from './model-server.ts';

/**
 * A server that speaks Ollama's documented wire format and does what a test tells it:
 *
 *   await using ollama = await startOllamaServer({ models: ['qwen3'] });
 *   ollama.next({ text: ['One', ' two'] }, { status: 503, error: 'server busy' });
 *   ollama.on('qwen3', { hang: 'mid-stream' });
 *   const exchange = await ollama.request();
 *   await exchange.closed;
 *
 * It proves nothing about the real Ollama; test-llama/ runs a real language model.
 */
export function startOllamaServer(options: ModelServerOptions = {}): Promise<ModelServer> {
  return startModelServer(ollamaWire, options);
}

const line = (value: unknown): string => `${JSON.stringify(value)}\n`;
const CREATED = '2026-11-22T10:00:00.000000Z';
const YESTERDAY = '2026-11-21T10:00:00.000000Z';

const ollamaWire: Wire = {
  basePath: '',
  chatPath: '/api/chat',
  listPath: '/api/tags',
  contentType: 'application/x-ndjson',
  list: (models) => ({
    models: models.map(({ name, modifiedAt, remoteHost, family }) => ({
      name: name.includes(':') ? name : `${name}:latest`,
      model: name.includes(':') ? name : `${name}:latest`,
      modified_at: modifiedAt ?? YESTERDAY,
      size: 1_000_000,
      digest: 'a'.repeat(64),
      remote_host: remoteHost,
      details: { format: 'gguf', family: family ?? 'llama', parameter_size: '4B' },
    })),
  }),
  error: (message) => ({ error: message }),
  piece: (text, model) =>
    line({ model, created_at: CREATED, message: { role: 'assistant', content: text }, done: false }),
  thinking: (text, model) =>
    line({
      model,
      created_at: CREATED,
      message: { role: 'assistant', content: '', thinking: text },
      done: false,
    }),
  errorLine: (message) => line({ error: message }),
  end: (model, changes) =>
    line({
      model,
      created_at: CREATED,
      message: { role: 'assistant', content: '' },
      done: true,
      done_reason: 'stop',
      total_duration: 2_000_000_000,
      load_duration: 1_500_000_000,
      prompt_eval_count: 12,
      prompt_eval_duration: 100_000_000,
      eval_count: 7,
      eval_duration: 300_000_000,
      ...changes,
    }),
};
