import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished, expect, test } from 'vitest';
import { connectAgent } from '../support/mcp.ts';
import { makeHome, startUp } from '../support/process.ts';

const MAIN = resolve(import.meta.dirname, '../../dist/cli/main.js');

/** `opsloop mcp`, spoken to by hand. */
function startMcp(env: Record<string, string>, args: string[] = []) {
  const child = spawn(process.execPath, [MAIN, 'mcp', ...args], { env: { PATH: '', ...env } });
  onTestFinished(() => void child.kill());
  const output = { stdout: [] as string[], stderr: '' };
  child.stderr.on('data', (text: Buffer) => (output.stderr += text.toString()));
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => output.stdout.push(line));
  let id = 0;
  return {
    child,
    output,
    async ask(method: string, params: object = {}): Promise<{ result: Record<string, unknown> }> {
      child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: ++id, method, params })}\n`);
      const [line] = (await once(lines, 'line')) as [string];
      return JSON.parse(line) as { result: Record<string, unknown> };
    },
  };
}

const HELLO = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } };
const callOf = (name: string, args: object = {}) => ({ name, arguments: args });

test('it starts without a server, says so at each call, and finds the one that comes', async () => {
  await using home = await makeHome();
  const mcp = startMcp({ OPSLOOP_HOME: home.path, OPSLOOP_PORT: '1' }, ['--agent', 'research']);
  expect(await mcp.ask('initialize', HELLO)).toMatchObject({ result: { serverInfo: { name: 'opsloop' } } });
  expect(await mcp.ask('tools/call', callOf('show_policy'))).toMatchObject({
    result: {
      isError: true,
      content: [{ text: expect.stringMatching(/^server_unavailable: No opsloop server answers at/) }],
    },
  });

  const { program, url } = await startUp(home, {}, ['--no-sample']);
  const stranger = startMcp({
    OPSLOOP_HOME: '/nonexistent',
    OPSLOOP_URL: new URL(url).origin,
    OPSLOOP_API_KEY: 'ops_AAAAAAAA_of-nobody-at-all',
  });
  await stranger.ask('initialize', HELLO);
  expect(await stranger.ask('tools/call', callOf('show_policy'))).toMatchObject({
    result: {
      isError: true,
      content: [{ text: expect.stringMatching(/^unauthorized: The key is not valid/) }],
    },
  });
  const proposed = await mcp.ask(
    'tools/call',
    callOf('propose', { kind: 'analysis', title: 'By an operator' }),
  );
  expect(proposed.result).toMatchObject({ structuredContent: { proposal: { agent_id: 'research' } } });
  expect((await mcp.ask('tools/call', callOf('show_policy'))).result).toMatchObject({
    structuredContent: { you: { agent_id: 'research' } },
  });

  mcp.child.stdin.end();
  expect(await once(mcp.child, 'exit')).toEqual([0, null]);
  for (const line of mcp.output.stdout) expect(JSON.parse(line)).toMatchObject({ jsonrpc: '2.0' });
  program.signal('SIGINT');
  await program.ended;
}, 90_000);

test('the end of its input ends it in the middle of a call; what it cannot read goes to its log', async () => {
  const silent = createServer();
  await once(silent.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void silent.close());
  const { port } = silent.address() as AddressInfo;
  const mcp = startMcp({ OPSLOOP_HOME: '/nonexistent', OPSLOOP_URL: `http://127.0.0.1:${port}` });
  await mcp.ask('initialize', HELLO);
  void mcp.ask('tools/call', callOf('show_policy'));
  await once(silent, 'connection');
  mcp.child.stdin.end('{"jsonrpc":"2.0"}\n');
  expect(await once(mcp.child, 'exit')).toEqual([0, null]);
  expect(mcp.output.stdout).toHaveLength(1);
  expect(mcp.output.stderr).toMatch(/^opsloop mcp: /);
});

test.each(['http', 'stdio'] as const)(
  'over %s, a server that was restarted between two calls is no matter',
  async (way) => {
    await using home = await makeHome();
    const first = await startUp(home, {}, ['--no-sample']);
    const { origin, port } = new URL(first.url);
    const made = await first.call<{ key: string }>('POST', '/api/ops/keys', {
      name: 'an agent',
      agent_id: 'coder',
      scopes: ['propose', 'read'],
    });
    const agent = await connectAgent({ client: '1.30', way }, { url: origin, key: made.key });
    const { value } = await agent.call('propose', { kind: 'deploy', title: 'Before' });
    first.program.signal('SIGINT');
    await first.program.ended;
    const second = await startUp(home, {}, ['--no-sample', '--port', port]);
    const shown = await agent.call('show_proposal', { id: value.proposal?.id });
    expect(shown.value).toMatchObject({ proposal: { title: 'Before', status: 'pending' } });
    await agent.close();
    second.program.signal('SIGINT');
    await second.program.ended;
  },
  120_000,
);
