import { createServer } from 'node:http';

const ANSWER = `## Result
The **date** has no index, so each list reads all orders.

- an index on \`orders (created_at)\` takes the list from 4 s to 0.1 s
- the search is not affected

## Checked
1. The figures are from the log of last week.
2. See [the manual](https://www.postgresql.org/docs/current/indexes.html).
`;

const MODEL = {
  name: 'qwen3:8b',
  model: 'qwen3:8b',
  size: 5e9,
  modified_at: '2026-11-01T00:00:00Z',
  digest: 'a'.repeat(64),
  details: { format: 'gguf', family: 'qwen3' },
};
const END = {
  done: true,
  done_reason: 'stop',
  prompt_eval_count: 812,
  eval_count: 164,
  total_duration: 21e8,
};
/** What somebody can watch, and what is over at once. */
const SLOW_MS = 3_000;
const QUICK_MS = 4;

/** A server with Ollama's wire format whose model answers after a while, so that something always runs. */
export async function startModel() {
  const server = createServer((request, response) => {
    const json = (value) => response.end(JSON.stringify(value));
    if (request.url === '/api/chat') void answer(request, response);
    else if (request.url === '/api/tags') json({ models: [MODEL] });
    else if (request.url === '/api/show') json({ capabilities: ['completion'] });
    else response.writeHead(404).end('{}');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.closeAllConnections() };
}

async function answer(request, response) {
  let body = '';
  for await (const chunk of request) body += chunk;
  const everyMs = /backup of the mail|customers ask/.test(body) ? SLOW_MS : QUICK_MS;
  const line = (content, rest) => {
    const message = { role: 'assistant', content };
    const created_at = new Date().toISOString();
    response.write(`${JSON.stringify({ model: MODEL.name, created_at, message, done: false, ...rest })}\n`);
  };
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  for (const word of ANSWER.split(/(?<= )/)) {
    if (response.destroyed) return;
    line(word);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  line('', END);
  response.end();
}
