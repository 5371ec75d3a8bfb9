import { expect, test } from 'vitest';
import { setAgent } from '../../src/agents/agents.ts';
import { noteFact } from '../../src/db/installation.ts';
import { insertArtefact, markWritten } from '../../src/engine/artefacts.ts';
import { completeSteps } from '../../src/engine/complete.ts';
import { failStep } from '../../src/engine/fail.ts';
import { promoteDelayed } from '../../src/engine/promote.ts';
import { recoverSteps } from '../../src/engine/recover.ts';
import { releaseSteps } from '../../src/engine/release.ts';
import { retireWorker } from '../../src/engine/workers.ts';
import { createKey, revokeKey } from '../../src/keys/keys.ts';
import { approve, reject } from '../../src/loop/decide.ts';
import { cancelMission, retryMission } from '../../src/loop/missions.ts';
import { setPolicy } from '../../src/policy/policy.ts';
import {
  changeSchedule,
  pauseSchedule,
  removeSchedule,
  resumeSchedule,
} from '../../src/schedules/schedules.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, proposer, testWorker } from '../support/loop.ts';
import { whatIsWrong } from '../support/history.ts';
import { add, partsOf, takeAll } from '../support/schedules.ts';

const db = useDatabase();

test('after every kind of change, replaying the sealed log gives the tables', async () => {
  const { database } = db;
  await openPolicy(database, ['content', 'analysis']);
  const propose = proposer(database);
  const worker = await testWorker(database);
  const finish = async (kind: string) =>
    completeSteps(database, [{ ...(await worker.claimOne(kind)), output: { text: kind } }]);

  // All the way through, with an edit, a release, a retry and a stale step on the way.
  const pending = await propose({ kind: 'deploy', body: null });
  const approved = await approve(database, pending.proposal.id, {
    by: 'key:a',
    edit: { title: 'Edited', body: 'new' },
  });
  await releaseSteps(database, [await worker.claimOne()], {
    reason: 'unavailable',
    message: 'no model',
    retryInMs: 60_000,
  });
  await database.query('update ops_steps set available_at = now() where available_at is not null');
  await promoteDelayed(database);
  const failing = await worker.claimOne();
  await database.transaction((tx) =>
    failStep(tx, { ...failing, failure: { class: 'error', message: 'x' }, final: false, retryInMs: 0 }),
  );
  await promoteDelayed(database);
  const stale = await worker.claimOne();
  await database.transaction((tx) => recoverSteps(tx, { why: 'stale', afterMinutes: -1, perKind: {} }));
  expect(stale.attempt).toBe(3);
  await finish('analyze');

  // A review that fails the mission for good, and its retry that succeeds.
  const reviewing = await worker.claimOne('review');
  await database.transaction((tx) =>
    failStep(tx, {
      ...reviewing,
      failure: { class: 'rejected_by_review', message: 'bad' },
      final: true,
      retryInMs: 0,
      output: { verdict: 'reject' },
    }),
  );
  await retryMission(database, approved.mission?.mission.id ?? '', { by: 'key:a' });
  await finish('review');
  const publishing = await worker.claimOne('publish');
  await database.transaction(async (tx) => {
    await completeSteps(tx, [{ ...publishing, output: { artefact: 'a.md' } }]);
    await insertArtefact(tx, publishing, { name: 'a.md', content: 'text' });
  });
  await markWritten(database, 'a.md');

  // A rejection by hand, one by a cap, and a cancelled mission with a running step.
  await reject(database, (await propose({ kind: 'deploy' })).proposal.id, { by: 'key:b', reason: 'not now' });
  await setPolicy(database, 'kind_caps', { tweet: 0 }, 'key:a');
  await propose({ kind: 'tweet' });
  const doomed = await propose({ kind: 'content' });
  await worker.claimOne('analyze');
  await cancelMission(database, doomed.mission?.mission.id ?? '', { by: 'key:a' });

  // A schedule that proposes, one that is changed, paused, resumed and passed over, and one of a name that had another.
  const soon = new Date(Date.now() + 7_200_000);
  await add(database, { name: 'hourly', every_seconds: 3_600, body: 'text', jitter_seconds: 60 });
  await add(database, { name: 'strict', cron: '0 8 * * *', timezone: 'Europe/Berlin', missed: 'skip' });
  await changeSchedule(database, 'strict', { every_seconds: 600 }, 'key:a');
  await pauseSchedule(database, 'strict', 'key:a');
  await resumeSchedule(database, 'strict', 'key:a');
  await takeAll([partsOf(database)], new Date(soon.getTime() + 120_000));
  await add(database, { name: 'again', at: soon.toISOString() });
  await removeSchedule(database, 'again', 'key:a');
  await add(database, { name: 'again', every_seconds: 90 });

  await setAgent(database, 'scout', { display_name: 'Scout', config: { tone: 'dry' } }, 'key:a');
  await noteFact(database, 'model_seen');
  await createKey(database, { name: 'short', scopes: ['read'], expires_in_days: 3 }, 'key:a');
  const { row } = await createKey(
    database,
    { name: 'scout', scopes: ['propose'], agent_id: 'scout' },
    'key:a',
  );
  await revokeKey(database, row.key_id, 'key:a');
  await retireWorker(database, worker.workerId);

  expect(await whatIsWrong(database)).toEqual([]);
});

test('a change that bypasses the program is found', async () => {
  const { proposal } = await proposer(db.database)({ kind: 'analysis' });
  await db.database.query(`update ops_proposals set title = 'forged' where id = $1`, [proposal.id]);
  expect(await whatIsWrong(db.database)).toEqual([
    `log_is_state: proposal ${proposal.id}: Its title is "forged" in the table and "Look into it" by the log.`,
  ]);
});
