import { expect, test } from 'vitest';
import { getStep } from '../../src/steps/steps.ts';
import { useDatabase } from '../support/database.ts';
import { eventually, openPolicy, proposer } from '../support/loop.ts';
import { startOllamaServer } from '../support/ollama-server.ts';
import { makeHome, startProgram } from '../support/process.ts';

const db = useDatabase();

test('a worker that is stopped loses its steps within 15 s, and when it goes on nothing of it is stored', async () => {
  await using home = await makeHome();
  await using ollama = await startOllamaServer({ models: ['tiny'] });
  await openPolicy(db.database);
  const env = {
    DATABASE_URL: db.url,
    OPSLOOP_HOME: home.path,
    OLLAMA_URL: ollama.url,
    OPSLOOP_LLM: 'ollama:tiny',
  };
  let answer = () => {};
  const until = new Promise<void>((resolve) => {
    answer = resolve;
  });
  // The first call is answered while its worker stands still, the second at once.
  ollama.next({ until, text: 'from the frozen worker' });
  ollama.on('tiny', { text: 'from the other worker' });

  const frozen = startProgram(['worker'], env);
  await frozen.says('working');
  const { mission } = await proposer(db.database)({ title: 'survive a frozen worker' });
  const id = mission?.steps[0]?.id ?? '';
  await eventually(async () => (await getStep(db.database, id)).status === 'running');
  const { worker_id: first } = await getStep(db.database, id);
  await ollama.request();
  const other = startProgram(['worker'], env);
  await other.says('working');

  const stoppedAt = performance.now();
  frozen.signal('SIGSTOP');
  answer();
  const step = await eventually(async () => {
    const now = await getStep(db.database, id);
    return now.status === 'completed' && now;
  }, 30_000);
  // 15 s to be noticed; the rest is the second attempt.
  expect(performance.now() - stoppedAt).toBeLessThan(17_000);
  expect(step).toMatchObject({ attempt: 2, failures: 1 });
  expect(step.worker_id).not.toBe(first);

  frozen.signal('SIGCONT');
  await frozen.says('declared dead');
  await eventually(async () => {
    const late = await db.database.query(
      `select from ops_events where entity_id = $1 and kind = 'step.late_result'`,
      [id],
    );
    return late.length > 0;
  });
  expect(await getStep(db.database, id)).toEqual(step);
  expect(JSON.stringify(step.output)).toContain('from the other worker');
  const ends = await db.database.query(
    `select from ops_events where entity_id = $1 and kind = 'step.completed'`,
    [id],
  );
  expect(ends).toHaveLength(1);
  for (const program of [frozen, other]) program.signal('SIGTERM');
  await Promise.all([frozen.ended, other.ended]);
}, 90_000);
