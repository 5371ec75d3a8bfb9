import { readFile, unlink } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { useFiles } from '../support/files.ts';
import { eventually } from '../support/loop.ts';
import { whatIsWrong } from '../support/history.ts';
import { startOllamaServer } from '../support/ollama-server.ts';

const ollama = await startOllamaServer({ models: ['qwen3'] });
const t = useFiles({ env: { OPSLOOP_LLM: 'auto', OLLAMA_URL: ollama.url } });

/** Answers by what the task says, whatever the order of requests. */
const answers = new Map<string, string>();
ollama.on('qwen3:latest', (exchange) => answerTo(JSON.stringify(exchange.body.messages)));
ollama.on('qwen3', (exchange) => answerTo(JSON.stringify(exchange.body.messages)));
function answerTo(prompt: string) {
  const [, text] = [...answers].find(([asked]) => prompt.includes(asked)) ?? [];
  return { text: text ?? 'Done.' };
}

const rows = () =>
  t.database.query(
    'select name, agent_id, depth, form, status, result, root_id, parent_id, id from ops_files order by id',
  );
const done = (...names: string[]) =>
  eventually(async () => {
    const inbox = await t.list('inbox');
    return names.every((name) => inbox.includes(`${name}.done`));
  });

test('NEXT lines become tasks of their own, charged to the agent of the first', async () => {
  answers.set(
    'begin the chain',
    'Result.\nNEXT: part two | @coder: write part two\n  next: third\nnot NEXT: this one',
  );
  await t.drop('chain.txt', '@qa: begin the chain');
  await done('chain.txt', 'part_two.txt', 'third.txt');
  expect(await t.read('inbox', 'part_two.txt.done')).toBe('@coder: write part two\n');
  expect(await t.read('inbox', 'third.txt.done')).toBe('@pm: third\n');
  const made = (await rows()).filter((row) => row.parent_id !== null);
  expect(made.map(({ name, agent_id, depth }) => ({ name, agent_id, depth }))).toEqual([
    { name: 'part_two.txt', agent_id: 'qa', depth: 1 },
    { name: 'third.txt', agent_id: 'qa', depth: 1 },
  ]);
  const proposals = await t.database.query("select agent_id from ops_proposals where body like '%part two%'");
  expect(proposals).toEqual([{ agent_id: 'qa' }]);
});

test('an answer makes ten tasks at most, and the output says what was left out', async () => {
  const lines = Array.from({ length: 14 }, (_, i) => `NEXT: flood ${i}`).join('\n');
  answers.set('open the gates', lines);
  await t.drop('flood.txt', 'open the gates');
  await done('flood.txt', 'flood_9.txt');
  expect((await t.list('inbox')).filter((name) => name.startsWith('flood_'))).toHaveLength(10);
  expect(await t.read('outputs', await t.appears('outputs', 'flood__'))).toContain(
    '> Not created: 4 NEXT lines',
  );
});

test('a chain ends at the depth that policy sets', async () => {
  await t.policy('chains', { max_depth: 2, max_tasks: 50 });
  answers.set('never ending', 'NEXT: more | never ending');
  await t.drop('deep.txt', 'never ending');
  await done('deep.txt', 'more.txt', 'more_2.txt').catch(() => undefined);
  await eventually(async () => {
    const open = (await rows()).filter((row) => row.status !== 'finished');
    return open.length === 0;
  });
  const chain = (await rows()).filter((row) => String(row.name).startsWith('more'));
  expect(chain.map((row) => row.depth)).toEqual([1, 2]);
  const last = (await t.list('outputs')).find((name) => name.startsWith('more_2__')) ?? '';
  expect(await t.read('outputs', last)).toContain('depth of 2');
});

test('a chain ends at the size that policy sets, counted from its root', async () => {
  await t.policy('chains', { max_depth: 50, max_tasks: 7 });
  answers.set('breed', 'NEXT: child a | breed\nNEXT: child b | breed');
  await t.drop('root.txt', 'breed');
  await t.appears('inbox', 'root.txt.done');
  await eventually(async () => (await rows()).every((row) => row.status === 'finished'));
  const [root] = (await rows()).filter((row) => row.name === 'root.txt');
  expect((await rows()).filter((row) => row.root_id === root?.id && row.id !== root?.id)).toHaveLength(7);
  await t.policy('chains', { max_depth: 5, max_tasks: 50 });
});

test('a command that an answer asks for waits for an operator like any other', async () => {
  await t.policy('exec_policy', {
    enabled: true,
    approval_files: false,
    timeout_seconds: 10,
    max_output_bytes: 1_000,
  });
  answers.set('be sly', 'NEXT: sly | EXEC: touch /tmp/opsloop-sly');
  await t.drop('asks.txt', 'be sly');
  const note = await t.appears('outputs', 'sly__');
  expect(note).toMatch(/__PENDING\.md$/);
  const [row] = await t.database.query(
    "select p.status, p.kind, p.agent_id from ops_files f join ops_proposals p on p.id = f.proposal_id where f.name = 'sly.txt'",
  );
  expect(row).toEqual({ status: 'pending', kind: 'exec', agent_id: 'pm' });
});

test('a goal is planned into tasks that are worked in order, and remembered', async () => {
  const plan = {
    tasks: [
      { title: 'Look around', prompt: 'goal step one', role: 'research' },
      { title: 'Write it', prompt: 'goal step two', strict: true },
      { title: 'Check ../../it', prompt: 'goal step three' },
    ],
  };
  answers.set('reach the moon', JSON.stringify(plan));
  answers.set('goal step', 'A part.');
  await t.drop('GOAL_moon.txt', 'reach the moon');
  await t.appears('inbox', 'GOAL_moon.txt.done');
  await eventually(
    async () => (await t.list('inbox')).filter((name) => /^[123]_.*\.txt\.done$/.test(name)).length === 3,
  );
  expect(await t.read('outputs', await t.appears('outputs', 'GOAL_moon__'))).toContain(
    '1. **Look around** (@research): goal step one',
  );

  const asked = ollama.exchanges
    .map((one) => /goal step (\w+)/.exec(JSON.stringify(one.body.messages))?.[1])
    .filter(Boolean);
  expect(asked.filter((word, i) => asked.indexOf(word) === i)).toEqual(['one', 'two', 'three']);
  const times = await t.database.query<{ name: string; created_at: Date; finished_at: Date }>(
    `select f.name, p.created_at, f.finished_at from ops_files f join ops_proposals p on p.id = f.proposal_id
     where f.name ~ '^[123]_' order by f.id`,
  );
  for (const [i, { created_at }] of times.entries()) {
    const before = times[i - 1];
    if (before) expect(created_at.getTime()).toBeGreaterThanOrEqual(before.finished_at.getTime());
  }
  const memory = JSON.parse(await readFile(t.path('state', 'memory.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  expect(memory).toMatchObject({
    created_tasks: [
      {
        goal_file: 'GOAL_moon.txt',
        goal: 'reach the moon',
        subtasks: [expect.stringContaining('/inbox/1_Look_around__'), expect.anything(), expect.anything()],
      },
    ],
    last_goal: 'reach the moon',
    notes: [],
  });
});

test('a plan that is none is tried again, and fails with the reason, never silently done', async () => {
  answers.set('plan badly', 'I would rather not.');
  await t.drop('GOAL_bad.txt', 'plan badly');
  await eventually(async () => {
    // Its retries are due now.
    await t.database.query(
      'update ops_steps set available_at = clock_timestamp() where available_at is not null',
    );
    return (await t.list('inbox')).includes('GOAL_bad.txt.failed');
  });
  expect(await t.read('outputs', await t.appears('outputs', 'GOAL_bad__'))).toMatch(
    /FAILED: GOAL_bad.txt[^]*not valid|JSON/,
  );
});

test('a task of a goal that a person removes does not hold up those after it', async () => {
  answers.set(
    'three steps',
    JSON.stringify({
      tasks: ['one', 'two', 'three'].map((word) => ({ title: `Del ${word}`, prompt: `removable ${word}` })),
    }),
  );
  let goOn: (value?: unknown) => void = () => undefined;
  const held = new Promise((resolve) => (goOn = resolve));
  ollama.on('qwen3:latest', ({ body }) => {
    const prompt = JSON.stringify(body.messages);
    return prompt.includes('removable one') ? { until: held, text: 'One.' } : answerTo(prompt);
  });
  await t.drop('GOAL_removed.txt', 'three steps');
  const second = await t.appears('inbox', '2_Del_two');
  await eventually(async () => {
    const [row] = await t.database.query('select inode from ops_files where name = $1', [second]);
    return row?.inode;
  });
  // The bridge has looked at it when it has taken three more files, one look after the other.
  for (const name of ['look1.txt', 'look2.txt', 'look3.txt']) {
    await t.drop(name, 'x');
    await eventually(async () =>
      (await t.events('file.task_created')).some(({ payload }) => payload.filename === name),
    );
  }
  await unlink(t.path('inbox', second));
  goOn();
  await t.appears('inbox', '1_Del_one');
  await eventually(
    async () => (await t.list('inbox')).some((name) => /^3_Del_three.*done$/.test(name)),
    20_000,
  );
  expect((await t.list('inbox')).filter((name) => name.startsWith('2_Del_two'))).toEqual([]);
  expect((await t.events('file.task_replaced')).map(({ payload }) => payload.filename)).toContain(second);
});

test('replaying the log gives the tables of files and workspaces too', async () => {
  await t.app.stop();
  expect((await t.database.query('select from ops_files')).length).toBeGreaterThan(20);
  expect(await whatIsWrong(t.database)).toEqual([]);
});
