// An agent's program: proposes by MCP, waits for the end, prints what came of it.
// Needs `npm install @modelcontextprotocol/client`, and the key of an agent in OPSLOOP_API_KEY.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

const url = new URL('/mcp', process.env.OPSLOOP_URL ?? 'http://127.0.0.1:8787');
const headers = { authorization: `Bearer ${process.env.OPSLOOP_API_KEY}` };
const client = new Client({ name: 'example', version: '1.0.0' });
await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));

async function call(name, args) {
  const { content, structuredContent, isError } = await client.callTool({ name, arguments: args });
  // What is refused comes back as "code: sentence".
  if (isError) throw new Error(content[0].text);
  return structuredContent;
}

const { proposal } = await call('propose', {
  kind: 'analysis',
  title: 'Why did the pump fail?',
  body: 'The pump failed twice in May. It was ten years old. Nobody had looked at the pump since March.',
  // The same request again, after a connection that broke, proposes nothing twice.
  idempotency_key: 'pump-in-may',
});
process.stdout.write(`${proposal.status}: ${proposal.reason}\n`);

let waited;
do waited = await call('wait_for_proposal', { id: proposal.id, seconds: 15 });
while (!waited.done);
process.stdout.write(`${waited.proposal.status}, ${waited.proposal.outcome}\n${waited.steps[0]?.output}\n`);
await client.close();
