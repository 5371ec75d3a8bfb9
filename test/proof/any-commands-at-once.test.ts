import fc from 'fast-check';
import { expect, test } from 'vitest';
import { completeSteps } from '../../src/engine/complete.ts';
import { failStep } from '../../src/engine/fail.ts';
import { promoteDelayed } from '../../src/engine/promote.ts';
import { recoverSteps } from '../../src/engine/recover.ts';
import { releaseSteps } from '../../src/engine/release.ts';
import type { Claim } from '../../src/engine/schema.ts';
import { AppError } from '../../src/errors.ts';
import { eventsHead } from '../../src/events/events.ts';
import { approve, reject } from '../../src/loop/decide.ts';
import { cancelMission, retryMission } from '../../src/loop/missions.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, proposer, testWorker } from '../support/loop.ts';
import { whatIsWrong, whatIsWrongSince } from '../support/history.ts';
import { count, figure, partOf } from '../support/proof.ts';

const db = useDatabase();
const RUNS = partOf(1_000, 10);

/** What an actor can do; the number picks among what is there. */
const Action = fc.tuple(
  fc.constantFrom(
    'propose',
    'approve',
    'reject',
    'claim',
    'claim',
    'claim',
    'complete',
    'complete',
    'complete',
    'fail',
    'failForGood',
    'release',
    'zombie',
    'stale',
    'promote',
    'cancel',
    'retry',
  ),
  fc.nat(1_000),
);

test(`${RUNS} histories of whatever, by several at once: the invariants hold`, async () => {
  await openPolicy(db.database, ['analysis', 'content']);
  const propose = proposer(db.database);
  const workers = [await testWorker(db.database), await testWorker(db.open())];
  const claims: Claim[] = [];
  const pick = <T>(items: T[], n: number): T | undefined => items[n % Math.max(1, items.length)];
  const idsOf = async (table: string, status: string) =>
    (
      await db.database.query<{ id: string }>(
        `select id from ${table} where status = $1 order by id desc limit 20`,
        [status],
      )
    ).map((row) => row.id);

  const act = async (what: string, n: number): Promise<void> => {
    const { database } = db;
    // Mostly a fresh claim, now and then one that is long lost.
    const claim = pick(n % 5 === 0 ? claims : claims.slice(-4), n);
    switch (what) {
      case 'propose':
        await propose({ kind: ['analysis', 'content', 'deploy'][n % 3] ?? 'analysis' });
        return;
      case 'approve':
      case 'reject': {
        const id = pick(await idsOf('ops_proposals', 'pending'), n);
        if (id) await (what === 'approve' ? approve : reject)(database, id, { by: 'key:op' });
        return;
      }
      case 'claim':
        claims.push(
          ...((await workers[n % 2]?.claim(
            ['analyze', 'generate', 'review', 'publish'][n % 4],
            1 + (n % 3),
          )) ?? []),
        );
        return;
      case 'complete':
        if (claim) await completeSteps(database, [{ ...claim, output: { n } }]);
        return;
      case 'fail':
      case 'failForGood':
        if (claim) {
          const failure = {
            ...claim,
            failure: { class: 'error', message: `m${n}` },
            final: what === 'failForGood',
            retryInMs: 0,
          };
          await database.transaction((tx) => failStep(tx, failure));
        }
        return;
      case 'release':
        if (claim) await releaseSteps(database, [claim], { reason: 'shutdown', retryInMs: n % 2 });
        return;
      case 'zombie':
        if (claim)
          await Promise.all([
            completeSteps(database, [{ ...claim, output: 1 }]),
            completeSteps(db.database, [{ ...claim, output: 2 }]),
          ]);
        return;
      case 'stale':
        await database.transaction((tx) => recoverSteps(tx, { why: 'stale', afterMinutes: -1, perKind: {} }));
        return;
      case 'promote':
        await promoteDelayed(database);
        return;
      default: {
        const id = pick(await idsOf('ops_missions', what === 'cancel' ? 'active' : 'failed'), n);
        if (id && what === 'cancel') await cancelMission(database, id, { by: 'key:op' });
        if (id && what === 'retry') await retryMission(database, id, { by: 'key:op' });
      }
    }
  };

  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(Action, { minLength: 1, maxLength: 3 }), {
        minLength: 20,
        maxLength: 60,
        size: 'max',
      }),
      async (rounds) => {
        const { seq } = await eventsHead(db.database);
        for (const together of rounds) {
          const results = await Promise.allSettled(together.map(([what, n]) => act(what, n)));
          for (const result of results) {
            if (result.status === 'fulfilled') continue;
            // Losing a race is an answer; anything else is a bug.
            if (!(result.reason instanceof AppError) || result.reason.code !== 'conflict')
              throw result.reason;
          }
        }
        await checkInvariants();
        expect(await whatIsWrongSince(db.database, seq)).toEqual([]);
      },
    ),
    { numRuns: RUNS },
  );
  const [done] = await db.database.query<{ completed: number; failed: number }>(
    `select count(*) filter (where status = 'completed')::integer as completed,
       count(*) filter (where status = 'failed')::integer as failed from ops_missions`,
  );
  expect(await whatIsWrong(db.database)).toEqual([]);
  // Never trivially green.
  expect(done?.completed).toBeGreaterThanOrEqual(RUNS / 5);
  expect(done?.failed).toBeGreaterThanOrEqual(RUNS / 5);
  figure(
    'commands by several at once, after which the invariants hold',
    `${count(1_000)} histories`,
    `${count(RUNS)} histories`,
  );
}, 1_800_000);

async function checkInvariants(): Promise<void> {
  const none = async (sql: string) => expect(await db.database.query(sql), sql).toEqual([]);
  await none(`select id from ops_missions m where status = 'completed' and exists
    (select from ops_steps s where s.mission_id = m.id and s.status <> 'completed')`);
  await none(`select id from ops_missions m where status = 'failed' and exists
    (select from ops_steps s where s.mission_id = m.id and s.status in ('queued', 'running'))`);
  await none(`select id from ops_missions m where status = 'active' and not exists
    (select from ops_steps s where s.mission_id = m.id and s.status in ('queued', 'running'))`);
  await none(`select id from ops_missions m where status = 'active' and
    (select count(*) from ops_steps s where s.mission_id = m.id and (s.ready or s.available_at is not null or s.status = 'running')) <> 1`);
  await none(`select proposal_id from ops_missions where status = 'active' group by 1 having count(*) > 1`);
  await none(`select id from ops_proposals p where status = 'approved' and not exists
    (select from ops_missions m where m.proposal_id = p.id and m.status = 'active')`);
  await none(`select entity_id from ops_events where kind in
      ('mission.completed', 'mission.failed', 'proposal.approved', 'proposal.rejected', 'proposal.completed', 'step.completed')
    group by entity_id, kind having count(*) > 1`);
  await none(`select id from ops_steps s where attempt <>
    (select count(*) from ops_events e where e.kind = 'step.started' and e.entity_id = s.id::text)`);
}
