import { createServer } from 'node:http';

const ANSWER = `## Result
The **date** has no index, so each list reads all orders.

- an index on \`orders (created_at)\` takes the list from 4 s to 0.1 s
- the search is not affected

## Checked
1. The figures are from the log of last week.
2. See [the manual](https://www.postgresql.org/docs/current/indexes.html).
`;

/** A server with Ollama's wire format whose model answers after a while, so that something always runs. */
export async function startModel() {
  const server = createServer((request, response) => {
    if (request.url === '/api/tags')
      return response.end(
        JSON.stringify({
          models: [
            {
              name: 'qwen3:8b',
              model: 'qwen3:8b',
              size: 5e9,
              modified_at: '2026-11-01T00:00:00Z',
              digest: 'a'.repeat(64),
              details: { format: 'gguf', family: 'qwen3' },
            },
          ],
        }),
      );
    if (request.url === '/api/show') return response.end(JSON.stringify({ capabilities: ['completion'] }));
    if (request.url !== '/api/chat') return response.writeHead(404).end('{}');
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      const slow = body.includes('backup of the mail') || body.includes('customers ask');
      const words = ANSWER.split(/(?<= )/);
      const line = (value) =>
        response.write(
          `${JSON.stringify({ model: 'qwen3:8b', created_at: new Date().toISOString(), ...value })}\n`,
        );
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      const timer = setInterval(
        () => {
          const word = words.shift();
          if (word !== undefined) return line({ message: { role: 'assistant', content: word }, done: false });
          clearInterval(timer);
          line({
            message: { role: 'assistant', content: '' },
            done: true,
            done_reason: 'stop',
            prompt_eval_count: 812,
            eval_count: 164,
            total_duration: 21e8,
          });
          response.end();
        },
        slow ? 3_000 : 4,
      );
      response.on('close', () => clearInterval(timer));
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.closeAllConnections() };
}
