import { expect, test } from 'vitest';
import { ACTIONS, homeActions } from '../../src/heartbeat/actions.ts';
import { setPaused, setPolicy } from '../../src/policy/policy.ts';
import { useDatabase } from '../support/database.ts';
import { proposer, sealAll } from '../support/loop.ts';
import { emptyHome } from '../support/sealed-log.ts';

const db = useDatabase();
const home = emptyHome();

test('until somebody resumes a restored copy, a beat drops and forgets nothing of it', async () => {
  const { database } = db;
  await proposer(database)({ idempotency: { owner: 'key:op', key: 'old', digest: 'd' } });
  await database.query(`update ops_idempotency set created_at = now() - interval '1 year'`);
  await sealAll(database);
  const answers = () => database.query('select from ops_idempotency');
  const beat = async () => {
    const runs = await Promise.all(
      [...ACTIONS, ...homeActions(home)].map(async ({ name, run }) => [name, await run(database)] as const),
    );
    return Object.fromEntries(runs);
  };

  await setPolicy(database, 'paused', { enabled: true, agents: [], restored: true }, 'restore');
  expect(await beat()).toMatchObject({ forgetOldAnswers: { held: true }, dropOldThreads: { held: true } });
  expect(await answers()).toHaveLength(1);

  await setPaused(database, false, undefined, 'key:op');
  expect(await beat()).toMatchObject({ forgetOldAnswers: { deleted: 1 } });
  expect(await answers()).toEqual([]);
});
