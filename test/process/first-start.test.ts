import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventually } from '../support/loop.ts';
import { makeHome, runProgram, startUp } from '../support/process.ts';

type Proposals = { proposals: { id: string; title: string; status: string; outcome: string | null }[] };

test('on an empty home one command closes the loop, and a second start does not repeat the sample', async () => {
  await using home = await makeHome();
  const first = await startUp(home);
  await first.program.says('the sample mission has ended');
  const { proposals } = await first.call<Proposals>('GET', '/api/ops/proposals');
  expect(proposals).toMatchObject([{ status: 'completed', outcome: 'succeeded' }]);
  const ends = ['proposal.created', 'proposal.approved', 'mission.created', 'step.started', 'step.completed'];
  ends.push('mission.completed', 'proposal.completed');
  // An event is in the list once it has its seal.
  await eventually(async () => {
    const { events } = await first.call<{ events: { kind: string }[] }>('GET', '/api/ops/events');
    const kinds = new Set(events.map(({ kind }) => kind));
    return ends.every((kind) => kinds.has(kind));
  });
  const { agents } = await first.call<{ agents: { role: string }[] }>('GET', '/api/ops/agents');
  expect(agents.map((agent) => agent.role).sort()).toEqual([
    'coder',
    'marketing',
    'ops',
    'pm',
    'qa',
    'research',
  ]);

  expect((await stat(join(home.path, 'operator.key'))).mode & 0o777).toBe(0o600);
  const key = await home.key();
  expect(first.program.stdout() + first.program.stderr()).not.toContain(key);

  first.program.signal('SIGINT');
  expect(await first.program.ended).toEqual({ code: 0, signal: null });

  const second = await startUp(home);
  expect((await second.call<Proposals>('GET', '/api/ops/proposals')).proposals).toHaveLength(1);
  expect(await home.key()).toBe(key);
  second.program.signal('SIGTERM');
  expect(await second.program.ended).toEqual({ code: 0, signal: null });
});

test('--no-sample leaves the sample out, and starting twice on one home is refused', async () => {
  await using home = await makeHome();
  const up = await startUp(home, {}, ['--no-sample']);
  expect((await up.call<Proposals>('GET', '/api/ops/proposals')).proposals).toEqual([]);

  const again = await runProgram(['up', '--port', '0'], { OPSLOOP_HOME: home.path });
  expect(again.code).toBe(6);
  expect(again.stderr).toContain(String(up.program.pid));
  expect(again.stderr).not.toContain('    at ');
  up.program.signal('SIGINT');
  await up.program.ended;
});

test('an address that others can reach needs to be allowed', async () => {
  await using home = await makeHome();
  const refused = await runProgram(['up', '--host', '0.0.0.0'], {
    OPSLOOP_HOME: home.path,
    MC_BIND_ALL: '1',
  });
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('--allow-remote');
});

test('doctor explains a home that was never started, and one that runs', async () => {
  await using home = await makeHome();
  const before = await runProgram(['doctor'], { OPSLOOP_HOME: home.path });
  expect(before.code).toBe(1);
  expect(before.stdout).toContain('opsloop up');
  const up = await startUp(home);
  await eventually(
    async () =>
      (await up.call<{ last_beat_age_seconds: number | null }>('GET', '/api/ops/health'))
        .last_beat_age_seconds !== null,
  );
  const after = await runProgram(['doctor', '--json'], { OPSLOOP_HOME: home.path });
  expect(JSON.parse(after.stdout)).toMatchObject({ ok: true });
  up.program.signal('SIGINT');
  await up.program.ended;
});
