import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeHome, runProgram, startUp } from '../support/process.ts';
import { eventually } from '../support/loop.ts';

type Page = { missions: { id: string; status: string }[] };
type Health = { paused: { enabled: boolean }; problems: string[]; backups: { last_at: string | null } };

test('a server under load is backed up, restored in another home on its own PostgreSQL, and goes on there', async () => {
  await using home = await makeHome();
  await using other = await makeHome();
  const env = { OPSLOOP_LLM: 'extractive', OPSLOOP_LOG: 'warn' };
  const up = await startUp(home, env, ['--no-sample']);
  for (const [key, value] of [
    ['daily_caps', { timezone: 'UTC', per_agent: 100_000, total: 100_000 }],
    ['kind_caps', {}],
  ] as const)
    await up.call('PUT', `/api/ops/policy/${key}`, { value });

  // Clients that go on until they are told to stop, and remember what was acknowledged.
  const acknowledged: { id: string; at: number }[] = [];
  const enough = new AbortController();
  const clients = Array.from({ length: 6 }, async (_, lane) => {
    while (!enough.signal.aborted) {
      const body = { agent_id: 'qa', kind: 'analysis', title: `load ${lane}`, body: 'A fact. Another one.' };
      const { proposal } = await up.call<{ proposal: { id: string } }>('POST', '/api/ops/proposals', body);
      acknowledged.push({ id: proposal.id, at: performance.now() });
    }
  });
  await eventually(async () => acknowledged.length > 100, 60_000);
  const file = join(other.path, 'under-load.backup');
  const began = performance.now();
  const made = await runProgram(['--json', 'backup', file], { OPSLOOP_HOME: home.path, ...env });
  expect(made.stderr + made.stdout).toContain('"ok": true');
  expect(made.code).toBe(0);
  await eventually(async () => acknowledged.length > 150, 60_000);
  enough.abort();
  await Promise.all(clients);
  expect(acknowledged.some(({ at }) => at > began)).toBe(true);

  const restored = await runProgram(['restore', file], { OPSLOOP_HOME: other.path, ...env });
  expect(restored.stderr).toBe('');
  expect(restored.stdout).toMatch(/every table reads back.*\n(.*\n)*.*opsloop resume/);
  const copy = await startUp(other, env, ['--no-sample']);
  const health = await copy.call<Health>('GET', '/api/ops/health');
  expect(health.paused).toMatchObject({ enabled: true, restored: true });
  const first = acknowledged.filter(({ at }) => at < began).map(({ id }) => id);
  const found = await Promise.all(
    first.map((id) => copy.call<{ proposal: { id: string } }>('GET', `/api/ops/proposals/${id}`)),
  );
  expect(found.map(({ proposal }) => proposal.id)).toEqual(first);

  await copy.call('POST', '/api/ops/resume', {});
  await eventually(async () => {
    const { missions } = await copy.call<Page>('GET', '/api/ops/missions?status=active&limit=1');
    return missions.length === 0;
  }, 60_000);
  const verified = await runProgram(['--json', 'events', 'verify'], { OPSLOOP_HOME: other.path, ...env });
  expect([verified.code, JSON.parse(verified.stdout)]).toMatchObject([0, { ok: true, offence: null }]);
  for (const server of [up, copy]) {
    server.program.signal('SIGTERM');
    expect(await server.program.ended).toEqual({ code: 0, signal: null });
  }
}, 240_000);
