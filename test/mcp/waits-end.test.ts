import { beforeAll, describe, expect, test } from 'vitest';
import type { HttpServer } from '../../src/http/serve.ts';
import { OPERATOR_KEY, useApp } from '../support/app.ts';
import { eventually, openPolicy } from '../support/loop.ts';
import { connectAgent, EVERY_CONNECTION, type McpAgent } from '../support/mcp.ts';

/** Nothing works here, so that a proposal waits for as long as a test likes. */
const t = useApp();
let key: string;

beforeAll(async () => {
  await openPolicy(t.database, []);
  key = await t.key({ agent_id: 'coder', scopes: ['propose', 'read'] });
});

async function openStreams(server: HttpServer): Promise<number> {
  const headers = { authorization: `Bearer ${OPERATOR_KEY}` };
  const text = await (await fetch(`${server.url}/metrics`, { headers })).text();
  return Number(/^opsloop_event_streams (\d+)$/m.exec(text)?.[1]);
}

async function pending(agent: McpAgent): Promise<string> {
  const { value } = await agent.call('propose', { kind: 'deploy', title: 'Ship it' });
  return value.proposal?.id ?? '';
}

describe.each(EVERY_CONNECTION)('the client $client over $way', (connecting) => {
  test('a caller that leaves in the middle leaves nothing behind', async () => {
    const server = await t.serve();
    const agent = await connectAgent(connecting, { url: server.url, key });
    const id = await pending(agent);
    const cancelling = new AbortController();
    const waiting = agent.call('wait_for_proposal', { id, seconds: 50 }, { signal: cancelling.signal });
    await eventually(async () => (await openStreams(server)) === 1);
    cancelling.abort();
    await expect(waiting).rejects.toThrow();
    // Over HTTP the older protocol has no way to tell of a cancelled call; the end of the connection does.
    const isTold = connecting.way === 'stdio' || connecting.client === 'current, newest protocol';
    if (!isTold) await agent.close();
    await eventually(async () => (await openStreams(server)) === 0);
    await agent.close();
  });

  test('the time that was given ends it, and it can be called again', async () => {
    const server = await t.serve();
    const agent = await connectAgent(connecting, { url: server.url, key });
    const id = await pending(agent);
    const { value } = await agent.call('wait_for_proposal', { id, seconds: 1 });
    expect(value).toMatchObject({ done: false, proposal: { id, status: 'pending' } });
    await eventually(async () => (await openStreams(server)) === 0);
    await agent.close();
  });

  test('a caller that asks for it hears of what happens meanwhile', async () => {
    const server = await t.serve();
    const agent = await connectAgent(connecting, { url: server.url, key });
    const id = await pending(agent);
    const heard: number[] = [];
    const waiting = agent.call(
      'wait_for_proposal',
      { id, until: 'decided', seconds: 30 },
      { onprogress: ({ progress }) => heard.push(progress) },
    );
    await eventually(async () => (await openStreams(server)) === 1);
    await t.request(`/api/ops/proposals/${id}/reject`, { method: 'POST', json: { reason: 'not today' } });
    expect((await waiting).value).toMatchObject({
      done: true,
      proposal: { status: 'rejected', reason: 'not today' },
    });
    expect(heard.length).toBeGreaterThan(0);
    await agent.close();
  });
});

test('an agent waits for no more at once than it may follow streams', async () => {
  const server = await t.serve();
  const agent = await connectAgent({ client: '1.30', way: 'http' }, { url: server.url, key });
  const id = await pending(agent);
  const waits = Array.from({ length: 5 }, () =>
    agent.call('wait_for_proposal', { id, until: 'decided', seconds: 50 }),
  );
  await eventually(async () => (await openStreams(server)) === 5);
  expect((await agent.call('wait_for_proposal', { id })).text).toMatch(/^rate_limited: This key has 5/);
  await t.request(`/api/ops/proposals/${id}/approve`, { method: 'POST', json: {} });
  for (const { value } of await Promise.all(waits)) expect(value.done).toBe(true);
  await agent.close();
});

test('a server that stops answers those who wait before it goes', async () => {
  const server = await t.serve();
  const agent = await connectAgent({ client: '1.30', way: 'http' }, { url: server.url, key });
  const id = await pending(agent);
  const waiting = agent.call('wait_for_proposal', { id, seconds: 50 });
  await eventually(async () => (await openStreams(server)) === 1);
  await server.close();
  expect((await waiting).value).toMatchObject({ done: false });
  await agent.close();
});
