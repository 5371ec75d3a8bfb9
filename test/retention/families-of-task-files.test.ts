import { afterAll, expect, test } from 'vitest';
import { verifyLog } from '../../src/events/proof/verify.ts';
import { useFiles } from '../support/files.ts';
import { emptyHome } from '../support/sealed-log.ts';
import { eventually, readLog } from '../support/loop.ts';
import { type Exchange, startOllamaServer } from '../support/ollama-server.ts';
import { whatIsWrong } from '../support/history.ts';
import { dropEnded } from '../support/retention.ts';

const ollama = await startOllamaServer({ models: ['qwen3'] });
const t = useFiles({ env: { OPSLOOP_LLM: 'auto', OLLAMA_URL: ollama.url } });
afterAll(() => ollama.close());
const home = emptyHome();

const answer = ({ body }: Exchange) => ({
  text: JSON.stringify(body.messages).includes('begin the chain')
    ? 'Result.\nNEXT: part two | @coder: write it\nNEXT: command | EXEC: true'
    : 'Done.',
});
ollama.on('qwen3:latest', answer);
ollama.on('qwen3', answer);

const names = async () => {
  const rows = await t.database.query<{ name: string }>('select name from ops_files order by name');
  return rows.map((row) => row.name);
};
const drop = async () => {
  await eventually(
    async () => (await t.database.query(`select from ops_artefacts where written_at is null`)).length === 0,
  );
  return dropEnded(t.database, home);
};

test('files that answers asked for are kept as long as one of their family is', async () => {
  const exec = { enabled: true, approval_files: false, timeout_seconds: 10, max_output_bytes: 1_000 };
  await t.policy('exec_policy', exec);
  await t.drop('chain.txt', 'begin the chain');
  await t.drop('alone.txt', 'something else');
  await t.appears('inbox', 'chain.txt.done');
  await t.appears('inbox', 'alone.txt.done');
  await t.appears('inbox', 'part_two.txt.done');
  await t.appears('outputs', 'command__');
  // The command waits for an operator, so its whole family stays.
  expect(await drop()).toMatchObject({ proposals: 1 });
  expect(await names()).toEqual(['chain.txt', 'command.txt', 'part_two.txt']);
});

test('then the whole family goes, with its outputs and every event, and the files themselves stay', async () => {
  const [command] = await t.database.query<{ id: string }>(
    `select id from ops_proposals where kind = 'exec'`,
  );
  const rejected = await t.request(`/api/ops/proposals/${command?.id}/reject`, { method: 'POST', json: {} });
  expect(rejected.status).toBe(200);
  await t.appears('inbox', 'command.txt.failed');
  await eventually(
    async () => (await t.database.query(`select from ops_files where status <> 'finished'`)).length === 0,
  );
  expect(await drop()).toMatchObject({ proposals: 3 });
  expect(await names()).toEqual([]);
  expect(await t.database.query('select from ops_artefacts')).toEqual([]);
  expect(await t.list('inbox')).toContain('part_two.txt.done');
  const log = await readLog(t.database);
  expect(log.filter((event) => event.entity === 'file' || event.entity === 'artefact')).toEqual([]);
  expect(await whatIsWrong(t.database, t.app.config.home)).toEqual([]);
});

test('a file that could never be a task goes with its refusal', async () => {
  const refused = new Uint8Array([0xff, 0xfe, 0x00]);
  await t.database.query(
    `with file as (
       insert into ops_files (id, workspace_id, name, form, status, digest, agent_id, root_id, result, output, finished_at)
       select '0190a000-0000-7000-8000-000000000001', id, 'bad.txt', 'task', 'finished', $1, 'pm',
         '0190a000-0000-7000-8000-000000000001', 'failed', 'bad__FAILED.md', now()
       from ops_workspaces limit 1 returning id),
     output as (
       insert into ops_artefacts (name, file_id, content, written_at) select 'bad__FAILED.md', id, 'no', now() from file)
     insert into ops_events (kind, source, entity, entity_id, payload)
     select 'file.task_unusable', 'files', 'file', id::text, '{}'::jsonb from file
     union all select 'artefact.created', 'files', 'artefact', 'bad__FAILED.md', '{}'`,
    [refused.join()],
  );
  await drop();
  expect(await names()).toEqual([]);
  const log = await readLog(t.database);
  expect(log.filter((event) => event.entity === 'file' || event.entity === 'artefact')).toEqual([]);
  expect(await verifyLog(t.database, { home })).toMatchObject({ ok: true });
});
