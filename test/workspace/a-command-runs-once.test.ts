import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { approve } from '../../src/loop/decide.ts';
import { useFiles } from '../support/files.ts';
import { eventually } from '../support/loop.ts';

/** What an operator approved once happens once, whatever goes wrong around it. */
const t = useFiles({ env: { OPS_WORKER_POLL: '0.1' } });
const RULES = { enabled: true, approval_files: false, timeout_seconds: 60, max_output_bytes: 2_000 };

async function pending(name: string, command: string): Promise<string> {
  await t.policy('exec_policy', RULES);
  await t.drop(`${name}.txt`, `EXEC: ${command}`);
  return eventually(async () => {
    const [row] = await t.database.query<{ id: string }>(
      `select p.id from ops_files f join ops_proposals p on p.id = f.proposal_id
       where f.name = $1 and p.status = 'pending' and f.note is not null`,
      [`${name}.txt`],
    );
    return row?.id;
  });
}
const approveIt = async (id: string) => {
  await approve(t.database, id, { by: 'key:test' });
  t.app.database.hints.tell('steps');
};
const lines = async (name: string) =>
  (await readFile(join(t.workspace, name), 'utf8').catch(() => '')).split('\n').length - 1;
const stepOf = async (proposalId: string) => {
  const [step] = await t.database.query<{
    id: string;
    status: string;
    failure: { class: string } | null;
    mission_id: string;
  }>('select s.* from ops_steps s where proposal_id = $1', [proposalId]);
  return step;
};

test('its end cannot be written for a time: it is not given back, and has failed with its outcome unknown', async () => {
  const id = await pending('full', 'echo ran >> full.log');
  await t.database.query(`create function test_full() returns trigger language plpgsql as $$ begin
    if old.kind = 'exec' and old.status = 'running' then
      raise exception 'could not write block' using errcode = '58030'; end if;
    return new; end $$`);
  await t.database.query(
    'create trigger test_full before update on ops_steps for each row execute function test_full()',
  );
  await approveIt(id);
  await eventually(async () => (await lines('full.log')) === 1);
  // The attempt is over for its worker, and the row is still running.
  await eventually(async () => (await stepOf(id))?.status === 'running' && t.app.worker()?.holds() === 0);
  await t.database.query('drop trigger test_full on ops_steps');
  await eventually(async () => (await stepOf(id))?.status === 'failed');
  expect((await stepOf(id))?.failure?.class).toBe('outcome_unknown');
  await t.appears('inbox', 'full.txt.failed');
  expect(
    await t.read('outputs', (await t.list('outputs')).find((name) => /^full__.*FAILED/.test(name)) ?? ''),
  ).toContain('outcome of the command is unknown');
  expect(await lines('full.log')).toBe(1);
});

test('a pause lets it run to its end', async () => {
  const id = await pending(
    'paused',
    'echo begun >> paused.log; while [ ! -e go ]; do sleep 0.05; done; echo ended >> paused.log',
  );
  await approveIt(id);
  await eventually(async () => (await lines('paused.log')) === 1);
  await t.policy('paused', { enabled: true, agents: [] });
  t.app.database.hints.tell('policy');
  // The pause has reached the worker when it was told of, and a renewal has passed.
  await eventually(async () => (await t.app.health()).paused.enabled);
  await t.drop('go-on.txt', 'x');
  await eventually(async () =>
    (await t.events('file.task_created')).some(({ payload }) => payload.filename === 'go-on.txt'),
  );
  await writeFile(join(t.workspace, 'go'), '');
  await t.appears('inbox', 'paused.txt.done');
  expect(await lines('paused.log')).toBe(2);
  await t.policy('paused', { enabled: false, agents: [] });
  await t.appears('inbox', 'go-on.txt.done');
});

test('a command of a file in another workspace is not run here', async () => {
  const id = await pending('elsewhere', 'echo here >> elsewhere.log');
  const other = await mkdtemp(join(tmpdir(), 'opsloop-other-'));
  await t.database.query(
    "insert into ops_workspaces (id, path, mode) values ('00000000-0000-4000-8000-000000000001', $1, 'process')",
    [other],
  );
  await t.database.query(
    "update ops_files set workspace_id = '00000000-0000-4000-8000-000000000001' where proposal_id = $1",
    [id],
  );
  await approveIt(id);
  await eventually(async () => (await stepOf(id))?.status === 'failed');
  expect((await stepOf(id))?.failure?.class).toBe('wrong_workspace');
  expect(await lines('elsewhere.log')).toBe(0);
});

test('approved with an empty text it fails, and holds up nobody', async () => {
  const id = await pending('empty', 'echo x');
  await approve(t.database, id, { by: 'key:test', edit: { body: null } });
  t.app.database.hints.tell('steps');
  await t.appears('inbox', 'empty.txt.failed');
  expect(await t.read('inbox', 'empty.txt.failed')).toBe('EXEC: echo x');
  const note = (await t.list('outputs')).find((name) => /^empty__.*FAILED/.test(name)) ?? '';
  expect(await t.read('outputs', note)).not.toContain('outcome of the command is unknown');
  await t.drop('after-empty.txt', 'x');
  await t.appears('inbox', 'after-empty.txt.done');
});
