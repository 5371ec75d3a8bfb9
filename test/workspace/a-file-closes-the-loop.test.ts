import { open, stat, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { retryMission } from '../../src/loop/missions.ts';
import { useFiles } from '../support/files.ts';
import { eventually } from '../support/loop.ts';
import { startOllamaServer } from '../support/ollama-server.ts';

const ollama = await startOllamaServer({ models: ['qwen3'] });
const t = useFiles({ env: { OPSLOOP_LLM: 'auto', OLLAMA_URL: ollama.url } });

const promptOf = (body: Record<string, unknown>) => JSON.stringify(body.messages);

test('a task file becomes a proposal, its answer an output, and the file is done', async () => {
  ollama.next({ text: 'The answer.' });
  await t.drop('hello.txt', '@research: What is a loop?\n');
  await t.appears('inbox', 'hello.txt.done');
  const output = await t.appears('outputs', 'hello__');
  expect(output).toMatch(/^hello__\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d\.md$/);
  expect(await t.read('outputs', output)).toBe('The answer.\n');
  expect(await t.read('inbox', 'hello.txt.done')).toBe('@research: What is a loop?\n');

  const [file] = await t.database.query("select * from ops_files where name = 'hello.txt'");
  const [proposal] = await t.database.query(
    'select kind, agent_id, status, outcome, title from ops_proposals where id = $1',
    [file?.proposal_id],
  );
  expect(proposal).toEqual({
    kind: 'task',
    agent_id: 'research',
    status: 'completed',
    outcome: 'succeeded',
    title: 'What is a loop?',
  });
  const events = await eventually(async () => {
    const found = await t.database.query<{ kind: string }>(
      "select kind from ops_events where proposal_id = $1 and kind like 'file.%' order by id",
      [file?.proposal_id],
    );
    return found.length === 4 && found.map((event) => event.kind);
  });
  expect(events).toEqual([
    'file.task_created',
    'file.task_settled',
    'file.output_created',
    'file.task_completed',
  ]);
});

test('STRICT: asks for exactly what is asked, and is not part of the task', async () => {
  await t.drop('strict.txt', '@qa: STRICT: only the number');
  const { body } = await ollama.request();
  for (let now = body; !promptOf(now).includes('only the number'); ) now = (await ollama.request()).body;
  const asked = ollama.exchanges.find((one) => promptOf(one.body).includes('only the number'));
  expect(promptOf(asked?.body ?? {})).toContain('no checklist');
  expect(promptOf(asked?.body ?? {})).not.toContain('STRICT');
  await t.appears('inbox', 'strict.txt.done');
});

test('a name that is used again is a new task, and the older .done is numbered', async () => {
  await t.drop('again.txt', 'first');
  await t.appears('inbox', 'again.txt.done');
  await t.drop('again.txt', 'second');
  await t.appears('inbox', 'again.txt.1.done');
  await eventually(async () => (await t.read('inbox', 'again.txt.done')) === 'second');
  expect(await t.read('inbox', 'again.txt.1.done')).toBe('first');
  await t.drop('again.txt', 'third');
  await t.appears('inbox', 'again.txt.2.done');
  expect(await t.read('inbox', 'again.txt.2.done')).toBe('second');
  expect((await t.list('outputs')).filter((name) => name.startsWith('again__'))).toHaveLength(3);
});

test('a role that is no agent is charged to pm, and stays in the text', async () => {
  await t.drop('nobody.txt', '@nobody: a task');
  await t.appears('inbox', 'nobody.txt.done');
  const [row] = await t.database.query("select agent_id from ops_files where name = 'nobody.txt'");
  expect(row).toEqual({ agent_id: 'pm' });
});

test('a file that is still being written is not taken; it is when it stood still for a second', async () => {
  const file = await open(t.path('inbox', 'slow.txt'), 'w');
  await file.write('the first half, ');
  await t.drop('beside.txt', 'taken at once');
  await t.appears('inbox', 'beside.txt.done');
  const began = performance.now();
  await file.write('the second half');
  await file.close();
  await t.appears('inbox', 'slow.txt.done');
  expect(performance.now() - began).toBeGreaterThan(950);
  const [row] = await t.database.query(
    "select p.body from ops_files f join ops_proposals p on p.id = f.proposal_id where f.name = 'slow.txt'",
  );
  expect(row).toEqual({ body: 'the first half, the second half' });
});

test('a task that fails for good is set aside with the reason, and its retry puts that right', async () => {
  ollama.next({ status: 400, error: 'this prompt is too long: context length exceeded' });
  await t.drop('fails.txt', 'too much');
  const note = await t.appears('outputs', 'fails__');
  expect(note).toMatch(/__FAILED\.md$/);
  expect(await t.read('outputs', note)).toContain('too much');
  await t.appears('inbox', 'fails.txt.failed');
  expect(await t.read('inbox', 'fails.txt.failed')).toBe('too much');

  const [row] = await eventually(async () => {
    const found = await t.database.query<{ id: string }>(
      "select m.id from ops_files f join ops_missions m on m.proposal_id = f.proposal_id where f.name = 'fails.txt' and f.status = 'finished'",
    );
    return found.length > 0 && found;
  });
  ollama.next({ text: 'It works now.' });
  await retryMission(t.database, row?.id ?? '', { by: 'test' });
  await t.appears('inbox', 'fails.txt.done');
  expect(await t.list('inbox')).not.toContain('fails.txt.failed');
  const outputs = (await t.list('outputs')).filter(
    (name) => name.startsWith('fails__') && !name.includes('FAILED'),
  );
  expect(await t.read('outputs', outputs[0] ?? '')).toBe('It works now.\n');
});

test('a file that is replaced while its task is worked is a task of its own, and both texts are kept', async () => {
  let answer: (value?: unknown) => void = () => undefined;
  ollama.next({ until: new Promise((resolve) => (answer = resolve)), text: 'about the old' });
  await t.drop('swap.txt', 'old text');
  await eventually(async () => ollama.exchanges.some((one) => promptOf(one.body).includes('old text')));
  await t.drop('swap.txt', 'new text');
  answer();
  await t.appears('inbox', 'swap.txt.1.done');
  expect(await t.read('inbox', 'swap.txt.1.done')).toBe('old text');
  await eventually(async () => (await t.read('inbox', 'swap.txt.done')) === 'new text');
});

test('a file of 1 MB is taken whole', async () => {
  const text = `${'long line of text. '.repeat(50_000)}end`;
  await t.drop('large.txt', text);
  await t.appears('inbox', 'large.txt.done');
  expect((await stat(t.path('inbox', 'large.txt.done'))).size).toBe(text.length);
  const [row] = await t.database.query(
    "select octet_length(p.body) as bytes from ops_files f join ops_proposals p on p.id = f.proposal_id where f.name = 'large.txt'",
  );
  expect(row).toEqual({ bytes: text.length });
});

test('what a cap holds waits in the inbox, is told, and leaves no rejected rows', async () => {
  await t.policy('daily_caps', { timezone: 'UTC', per_agent: 0, total: 1_000_000 });
  for (let i = 0; i < 30; i++) await writeFile(t.path('inbox', `held${i}.txt`), `task ${i}`);
  await eventually(async () => t.app.bridge()?.status().waiting[0]?.count === 30);
  expect((await t.app.health()).files).toMatchObject({ waiting: 30 });
  expect((await t.list('inbox')).filter((name) => /^held\d+\.txt$/.test(name))).toHaveLength(30);
  expect(await t.database.query("select from ops_proposals where status = 'rejected'")).toEqual([]);
  await t.policy('daily_caps', { timezone: 'UTC', per_agent: 1_000_000, total: 1_000_000 });
  await eventually(
    async () => (await t.list('inbox')).filter((name) => /^held\d+\.txt\.done$/.test(name)).length === 30,
  );
});
