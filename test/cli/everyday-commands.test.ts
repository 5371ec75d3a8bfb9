import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildProgram } from '../../src/cli/program.ts';
import { makeHome, runProgram, startProgram, startUp, type TestHome } from '../support/process.ts';

let home: TestHome;
let up: Awaited<ReturnType<typeof startUp>>;
let env: Record<string, string>;

beforeAll(async () => {
  home = await makeHome();
  up = await startUp(home, { OPSLOOP_LLM: 'extractive' }, ['--no-sample']);
  env = { OPSLOOP_HOME: home.path, OPSLOOP_URL: up.url };
});
afterAll(async () => {
  up.program.signal('SIGTERM');
  await up.program.ended;
  await home[Symbol.asyncDispose]();
});

const run = (...args: string[]) => runProgram(args, env);
async function json<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await run(...args, '--json');
  if (code !== 0) throw new Error(`${args.join(' ')}: ${code} ${stdout} ${stderr}`);
  return JSON.parse(stdout) as T;
}
const idOf = async (...args: string[]) =>
  (await json<{ proposal: { id: string } }>('propose', ...args)).proposal.id;

test('run proposes, waits and shows the output', async () => {
  const { code, stdout } = await run(
    'run',
    'What happened?',
    '--body',
    'The pump failed twice. The pump was old. Nobody noticed.',
  );
  expect(code).toBe(0);
  expect(stdout).toContain('completed, succeeded');
  expect(stdout).toContain('The pump failed twice');
});

test('what begins later says so', async () => {
  const id = await idOf('Look tomorrow', '--at', new Date(Date.now() + 86_400_000).toISOString());
  expect((await run('why', id)).stdout).toContain('It begins at');
});

test('what policy does not approve waits for an operator, who edits, approves or rejects', async () => {
  const id = await idOf('Ship it', '--kind', 'deploy', '--agent', 'ops');
  expect((await run('why', id)).stdout).toContain('An operator decides');
  expect((await run('proposals', '--status', 'pending')).stdout).toContain(id);
  const approved = await json<{ proposal: { title: string; original: { title: string } } }>(
    'approve',
    id,
    '--title',
    'Ship it on Monday',
    '--reason',
    'agreed',
  );
  expect(approved.proposal).toMatchObject({ title: 'Ship it on Monday', original: { title: 'Ship it' } });

  const again = await run('approve', id);
  expect(again.code).toBe(6);
  expect(again.stderr).toContain('the first decision stands');

  const other = await idOf('Delete it', '--kind', 'deploy', '--agent', 'ops');
  expect((await run('reject', other, '--reason', 'no')).code).toBe(0);
  expect((await run('run', 'x', '--kind', 'deploy', '--timeout', '1')).code).toBe(9);
});

test('cancel ends a mission, show says why, retry continues it', async () => {
  const id = await idOf('Long work', '--kind', 'deploy');
  const { mission } = await json<{ mission: { mission: { id: string } } }>('approve', id);
  expect((await run('cancel', mission.mission.id, '--reason', 'changed my mind')).code).toBe(0);
  expect((await run('show', mission.mission.id)).stdout).toContain('Cancelled: changed my mind');
  expect((await run('show', id)).stdout).toContain('completed, cancelled');
  const retried = await json<{ mission: { retry_of: string } }>('retry', mission.mission.id);
  expect(retried.mission.retry_of).toBe(mission.mission.id);
  expect((await run('retry', mission.mission.id)).code).toBe(6);
});

test('policy, agents and keys are shown and set', async () => {
  expect((await run('policy')).stdout).toContain('daily_caps');
  expect((await run('policy', 'set', 'tweet_quota', '{"max_per_day": 3}')).stdout).toContain(
    '{"max_per_day":3}',
  );
  const wrong = await run('policy', 'set', 'tweet_quota', '{"max_per_day": "many"}');
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('max_per_day')]);
  expect((await run('policy', 'set', 'tweet_quota', 'not json')).code).toBe(2);
  const history = await run('policy', 'history', 'tweet_quota');
  expect([history.code, history.stdout]).toEqual([
    0,
    expect.stringMatching(/\{"max_per_day":8\} +\{"max_per_day":3\}/),
  ]);
  expect((await run('policy', 'history', 'nothing')).code).toBe(3);

  expect((await run('agents', 'set', 'scout', '--role', 'research', '--model', 'qwen3:8b')).code).toBe(0);
  expect((await run('agents')).stdout).toContain('scout');

  const made = await json<{ key: string; key_id: string }>(
    'keys',
    'create',
    'for scout',
    '--agent',
    'scout',
    '--scopes',
    'propose,read',
  );
  const asScout = (...args: string[]) => runProgram(args, { ...env, OPSLOOP_API_KEY: made.key });
  expect((await asScout('propose', 'From scout', '--agent', 'scout')).code).toBe(0);
  expect((await asScout('policy', 'set', 'tweet_quota', '{"max_per_day": 9}')).code).toBe(7);
  expect((await run('keys')).stdout).not.toContain(made.key);
  expect((await run('keys', 'revoke', made.key_id)).code).toBe(0);
  expect((await asScout('proposals')).code).toBe(7);
});

test('schedules are added, shown, changed, paused and removed', async () => {
  const added = await run(
    'schedules',
    'add',
    'standup',
    'What changed?',
    '--cron',
    '0 8 * * 1-5',
    '--timezone',
    'Europe/Berlin',
  );
  expect([added.code, added.stdout]).toEqual([0, expect.stringMatching(/next\n(.* 08:00:00 .*\n){5}/)]);
  expect((await run('schedules')).stdout).toMatch(/standup +waiting +pm +0 8 \* \* 1-5 Europe\/Berlin/);
  expect((await run('schedules', 'set', 'standup', '--every', '1h30m', '--missed', 'skip')).stdout).toContain(
    'every 90 min',
  );
  const next = await json<{ upcoming: string[] }>('schedules', 'next', 'standup', '--count', '2');
  expect(Date.parse(next.upcoming[1] ?? '') - Date.parse(next.upcoming[0] ?? '')).toBe(5_400_000);
  expect((await run('schedules', 'pause', 'standup')).stdout).toContain('paused');
  expect((await run('schedules', 'next', 'standup')).stdout).toContain('None');
  expect((await run('schedules', 'resume', 'standup')).stdout).toContain('waiting');
  expect((await run('schedules', 'remove', 'standup')).code).toBe(0);
  expect((await run('schedules', 'show', 'standup')).code).toBe(3);
  expect((await run('schedules', 'add', 'x', 'X', '--every', 'often')).stderr).toContain('1h30m');
  expect((await run('schedules', 'add', 'x', 'X', '--cron', '0 0 30 2 *')).stderr).toContain('never comes');
}, 60_000);

test('a policy is previewed before it is set', async () => {
  await idOf('A wish to ship', '--kind', 'deploy');
  const shown = await run('policy', 'preview', 'auto_approve', '{"enabled": true, "kinds": ["deploy"]}');
  expect([shown.code, shown.stdout]).toEqual([
    0,
    expect.stringMatching(/pending +auto_approved .*A wish to ship/),
  ]);
  const nothing = await run('policy', 'preview', 'paused', '{"enabled": true, "agents": []}');
  expect([nothing.code, nothing.stdout]).toEqual([
    0,
    expect.stringContaining('No proposal is decided by paused'),
  ]);
  expect((await run('policy', 'preview', 'tweet_quota', '{"max_per_day": -1}')).code).toBe(2);
});

test('lists are searched', async () => {
  const id = await idOf('Find the needle');
  expect((await run('proposals', '--search', 'NEEDLE')).stdout).toContain(id);
  expect((await run('proposals', '--search', 'haystack')).stdout).toContain('There are none');
  expect((await run('missions', '--search', 'needle')).stdout).toContain('Find the needle');
  expect((await run('proposals', '--oldest')).code).toBe(2);
});

test('pause holds everything, why says so, resume goes on', async () => {
  expect((await run('pause')).stdout).toContain('paused');
  const id = await idOf('While paused');
  expect((await run('why', id)).stdout).toContain('Everything is paused');
  expect((await run('health')).code).toBe(1);
  await run('resume');
  expect((await run('pause', 'qa')).stdout).toContain('qa');
  expect((await run('resume', 'qa')).stdout).toContain('none paused');
});

test('the log is listed and followed, also from its beginning', async () => {
  expect((await run('events', '--kind', 'policy.')).stdout).toContain('policy.changed');
  const following = startProgram(
    ['events', '--follow', '--after', '0', '--kind', 'proposal.', '--json'],
    env,
  );
  await following.says('proposal.completed');
  const title = await idOf('A new one');
  await following.says(title);
  following.signal('SIGINT');
  await following.ended;
  const lines = following
    .stdout()
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { seq: number }).seq);
  expect(lines).toEqual([...new Set(lines)].sort((a, b) => a - b));
});

test('a beat is run by hand, and workers are listed', async () => {
  expect((await run('heartbeat')).stdout).toContain('recoverStaleSteps');
  expect((await run('workers')).stdout).toContain('alive');
});

test('mistakes are explained, with exit codes that mean something and without stack traces', async () => {
  const cases: [string[], number, string][] = [
    [['frobnicate'], 2, 'unknown command'],
    [['propose'], 2, 'missing required argument'],
    [['propose', 'x', '--agnt', 'pm'], 2, 'Did you mean --agent?'],
    [['propose', 'x', '--agent', 'nobody'], 4, 'opsloop agents'],
    [['propose', '   '], 2, 'blank'],
    [['propose', 'x', '--priority', 'high'], 2, 'whole number'],
    [['propose', 'x', '--body-file', '/nowhere/at/all'], 2, 'cannot be read'],
    [['show', 'abc'], 2, 'no id'],
    [['show', '00000000-0000-7000-8000-000000000000'], 3, 'Nothing has the id'],
    [['proposals', '--cursor', 'made-up'], 2, 'cursor'],
    [['proposals', '--status', 'odd'], 2, 'pending'],
  ];
  for (const [args, code, says] of cases) {
    const ended = await run(...args);
    expect([args, ended.code]).toEqual([args, code]);
    expect(ended.stderr).toContain(says);
    expect(ended.stderr).not.toMatch(/^\s+at /m);
  }
  const nobody = await runProgram(['proposals'], {
    OPSLOOP_HOME: home.path,
    OPSLOOP_URL: 'http://127.0.0.1:1',
  });
  expect([nobody.code, nobody.stderr]).toEqual([5, expect.stringContaining('opsloop up')]);
});

test('every command says what it does', () => {
  const program = buildProgram();
  const all = program.commands.flatMap((command) => [command, ...command.commands]);
  expect(all.length).toBeGreaterThan(25);
  for (const command of all)
    expect([command.name(), command.description().length > 5]).toEqual([command.name(), true]);
});
