import { expect, test } from 'vitest';
import { eventually, openPolicy } from '../support/loop.ts';
import { useDatabase } from '../support/database.ts';
import { makeHome, startProgram, startUp } from '../support/process.ts';

const db = useDatabase();

test('a server and two workers: 1,000 proposals, every step completed exactly once, by the event log', async () => {
  await using home = await makeHome();
  await openPolicy(db.database);
  const env = { DATABASE_URL: db.url, OPSLOOP_HOME: home.path, OPSLOOP_LLM: 'extractive' };
  const up = await startUp(home, env, ['--no-sample']);
  const workers = [startProgram(['worker'], env), startProgram(['worker'], env)];
  await Promise.all(workers.map((worker) => worker.says('working')));

  const lanes = Array.from({ length: 20 }, async (_, lane) => {
    for (let n = 0; n < 50; n++) {
      const title = `proposal ${lane}-${n}`;
      await up.call('POST', '/api/ops/proposals', {
        agent_id: 'qa',
        kind: 'analysis',
        title,
        body: 'A fact. Another.',
      });
    }
  });
  await Promise.all(lanes);
  await eventually(async () => {
    const [open] = await db.database.query<{ n: number }>(
      "select count(*)::integer as n from ops_missions where status = 'active'",
    );
    return open?.n === 0;
  }, 90_000);

  const completions = await db.database.query<{ steps: number; completions: number; workers: number }>(
    `select count(distinct entity_id)::integer as steps, count(*)::integer as completions,
       count(distinct payload -> 'cause' ->> 'by')::integer as workers
     from ops_events where kind = 'step.completed'`,
  );
  expect(completions).toEqual([{ steps: 1_000, completions: 1_000, workers: 3 }]);
  const odd = await db.database.query(
    "select id from ops_steps where status <> 'completed' or attempt <> 1 or failures <> 0",
  );
  expect(odd).toEqual([]);

  for (const worker of workers) worker.signal('SIGTERM');
  up.program.signal('SIGTERM');
  for (const program of [...workers, up.program])
    expect(await program.ended).toEqual({ code: 0, signal: null });
}, 180_000);
