import { expect, test } from 'vitest';
import { checkHistory } from '../../src/check/check.ts';
import type { Database } from '../../src/db/database.ts';
import { completeSteps } from '../../src/engine/complete.ts';
import { makeQueue } from '../../src/engine/queue.ts';
import { releaseSteps } from '../../src/engine/release.ts';
import type { Claim } from '../../src/engine/schema.ts';
import { appendEvents, followEvents } from '../../src/events/events.ts';
import { selectHead } from '../../src/events/queries.ts';
import { startSealer } from '../../src/events/sealer.ts';
import { sleep } from '../../src/lib/wake.ts';
import { silentLog } from '../../src/log.ts';
import { useDatabase } from '../support/database.ts';
import { sentences } from '../support/history.ts';
import { openPolicy, proposer, testWorker } from '../support/loop.ts';
import { count, figure, partOf } from '../support/proof.ts';
import { emptyHome } from '../support/sealed-log.ts';

const CLAIMS = partOf(1_000_000);
const WORKERS = 40;
/** Of these the first ones are given back, so that each step goes through many hands. */
const CLAIMS_PER_STEP = 4;
const STEPS = CLAIMS / CLAIMS_PER_STEP;
const READERS = 4;
/** The last event, at which readers stop. */
const ENDED = { kind: 'test.ended', source: 'test', entity: 'report', entityId: 'end', payload: {} } as const;
const none: ReadonlySet<string> = new Set();
const db = useDatabase();

test(`${count(CLAIMS)} claims by ${WORKERS} workers: no step is held twice or lost, and no reader misses an event`, async () => {
  const pools = Array.from({ length: 4 }, () => db.open(10));
  await openPolicy(db.database);
  const sealer = startSealer(db.database, silentLog());
  const readers = Array.from({ length: READERS }, async (_, n) => {
    let [last, wrong] = [0, 0];
    for await (const { events } of followEvents(db.open(2), {}, 0, new AbortController().signal)) {
      for (const event of events) if (event.seq !== ++last) wrong++;
      // Readers of different speeds: what is sealed meanwhile must not matter.
      if (n % 2 === 1) await db.database.query('select 1');
      if (events.some(({ kind }) => kind === 'test.ended')) break;
    }
    return { last, wrong };
  });

  const propose = proposer(db.database);
  let proposed = 0;
  const proposing = Array.from({ length: 100 }, async () => {
    while (proposed < STEPS) await propose({ agentId: ['pm', 'research', 'ops'][++proposed % 3] ?? '' });
  });

  /** By step, the newest attempt that some worker was given. */
  const given = new Map<string, number>();
  const seen = { claims: 0, doubled: 0, completed: 0, refused: 0 };
  const work = async (n: number): Promise<void> => {
    const database = pools[n % pools.length] ?? db.database;
    const { workerId } = await testWorker(database);
    const queue = makeQueue(database);
    while (seen.completed < STEPS) {
      const claims: Claim[] = [];
      queue.changed();
      await queue.claim(workerId, { analyze: 1 + (n % 40) }, (some) => {
        for (const { id, attempt } of some) {
          seen.claims++;
          if (attempt <= (given.get(id) ?? 0)) seen.doubled++;
          given.set(id, attempt);
        }
        claims.push(...some);
      });
      if (claims.length === 0) await sleep(Math.min(20, queue.restMs()));
      const [back, done] = [claims.filter(isEarly), claims.filter((claim) => !isEarly(claim))];
      const released = back.length > 0 ? await releaseSteps(database, back, { reason: 'shutdown' }) : none;
      const outputs = done.map((claim) => ({ ...claim, output: n }));
      const completed = done.length > 0 ? await completeSteps(database, outputs) : none;
      seen.refused += claims.length - released.size - completed.size;
      seen.completed += completed.size;
    }
  };
  const began = performance.now();
  await Promise.all([...proposing, ...Array.from({ length: WORKERS }, (_, n) => work(n))]);
  const seconds = (performance.now() - began) / 1000;
  await appendEvents(db.database, ENDED);
  const read = await Promise.all(readers);
  await sealer.close();
  const { seq } = await selectHead(db.database);

  const overlapping = await countOverlapping(db.database);
  expect([seen.doubled, seen.refused]).toEqual([0, 0]);
  expect(overlapping).toEqual({ claims: seen.claims, doubled: 0 });
  expect(seen.claims).toBeGreaterThanOrEqual(CLAIMS);
  expect(await db.database.query(`select from ops_steps where status <> 'completed'`)).toEqual([]);
  const report = await checkHistory(db.database, { home: emptyHome() });
  expect(sentences(report)).toEqual([]);
  expect(report.threads).toBe(proposed);
  expect(read).toEqual(Array.from({ length: READERS }, () => ({ last: seq, wrong: 0 })));

  figure(
    'double claims, by 40 workers',
    `0 in ${count(1_000_000)}`,
    `${seen.doubled + overlapping.doubled} in ${count(seen.claims)} (${Math.round(seen.claims / seconds)} a second)`,
  );
  figure('steps lost', '0', `0 of ${count(STEPS)}`);
  figure(
    'log gapless and chained, events missed by 4 tailing readers',
    `0 of ${count(1_000_000)}`,
    `0 of ${count(seq)}`,
  );
  figure(
    'the history checker',
    '',
    `${count(report.events)} events of ${count(report.threads)} proposals in ${report.seconds} s`,
  );
}, 1_800_000);

/** As the log tells it: claims of an attempt that was claimed before, or of a step whose last claim had not ended. */
async function countOverlapping(database: Database) {
  const [row] = await database.query<{ claims: number; doubled: number }>(
    `with claims as (
       select kind, entity_id, payload #>> '{set,attempt}' as attempt,
         lag(kind) over (partition by entity_id order by id) as before
       from ops_events where kind in ('step.started', 'step.released', 'step.completed'))
     select count(*)::integer as claims,
       (count(*) filter (where before = 'step.started') + count(*) - count(distinct (entity_id, attempt)))::integer
         as doubled
     from claims where kind = 'step.started'`,
  );
  return row ?? { claims: 0, doubled: 0 };
}

function isEarly({ attempt }: Claim): boolean {
  return attempt < CLAIMS_PER_STEP;
}
