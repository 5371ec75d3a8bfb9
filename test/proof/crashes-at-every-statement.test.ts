import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../../src/db/database.ts';
import { completeSteps } from '../../src/engine/complete.ts';
import { promoteDelayed } from '../../src/engine/promote.ts';
import { recoverSteps } from '../../src/engine/recover.ts';
import { setPolicy } from '../../src/policy/policy.ts';
import { DEFAULT_POLICY } from '../../src/policy/schema.ts';
import { type Done, makeChildren, type Moment } from '../support/crash/child.ts';
// @ts-expect-error it runs in processes of its own, and is plain JavaScript
import { operations } from '../support/crash/operations.mjs';
import { effectOf } from '../support/crash/effects.ts';
import { makePrepare } from '../support/crash/prepare.ts';
import { useDatabase } from '../support/database.ts';
import { whatIsWrong } from '../support/history.ts';
import { startAnswering } from '../support/http-answers.ts';
import { openPolicy, testWorker, untilLeasesEnd } from '../support/loop.ts';
import { count, figure, partOf } from '../support/proof.ts';
import { emptyHome } from '../support/sealed-log.ts';

const ALL = Object.keys(operations as Record<string, unknown>);
/** What went wrong once is run again with the seed it has printed. */
const SEED = Number(process.env.OPSLOOP_SEED ?? Date.now() % 1_000_000_000);
/** So many of them, in their order. */
const someOf = <T>(all: T[], many: number, seed: number): T[] =>
  fc.sample(fc.subarray(all, { minLength: many, maxLength: many }), { seed, numRuns: 1 }).flat();
/** In the shortest run a few of them, other ones each time. */
const NAMES = someOf(ALL, Math.min(ALL.length, partOf(ALL.length * 10)), SEED);
const MOMENTS: Moment[] = ['before', 'sent', 'after'];
/** What there is to do differs a little from time to time; a point that was not come to is prepared again. */
const TRIES = 10;
let [killed, wanted] = [0, 0];
let receiver: Awaited<ReturnType<typeof startAnswering>>;

beforeAll(async () => {
  receiver = await startAnswering(({ path }) => ({ status: Number(path.slice(1)), body: 'thanks' }));
});
afterAll(() => receiver[Symbol.asyncDispose]());

describe.each(NAMES)('%s', (name) => {
  // Each has its own: the checks after every crash take as long as the history.
  const db = useDatabase();
  const home = emptyHome();
  let children: ReturnType<typeof makeChildren>;
  let prepare: ReturnType<typeof makePrepare>;

  beforeAll(async () => {
    const { database } = db;
    await untilLeasesEnd(database);
    await openPolicy(database, ['analysis', 'deploy-now', 'translation']);
    await setPolicy(database, 'plans', { ...DEFAULT_POLICY.plans, translation: ['translate'] }, 'test');
    await setPolicy(database, 'kind_caps', { capped: 0 }, 'test');
    children = makeChildren(database, db.url);
    prepare = makePrepare(database, home, receiver.url);
  });
  afterAll(() => children.stop());

  /** Runs it until it was killed there; it fails where that statement is never come to. */
  const killedAt = async (job: { name: string; at: number; when: Moment }, where: string) => {
    for (let tries = 0; tries < TRIES; tries++) {
      const state = await prepare(job.name);
      const before = await effectOf(job.name).count(db.database, state);
      if ((await children.run({ ...job, state })) === null) return { state, before };
    }
    throw new Error(`${where}: not come to in ${TRIES} runs`);
  };

  test('killed before, in and after each statement, nothing is half done, and it can be done again', async () => {
    const { database } = db;
    const { refused = null, anew = false, count: countIn } = effectOf(name);
    // Once to do what others have left, and once to count.
    await children.run({ name, state: await prepare(name) });
    const sample = await prepare(name);
    const before = await countIn(database, sample);
    const whole = (await children.run({ name, state: sample })) as Done;
    expect([name, whole.refused]).toEqual([name, null]);
    const effect = (await countIn(database, sample)) - before;
    expect([name, effect]).toEqual([name, expect.toSatisfy((n: number) => n > 0)]);

    const points = Array.from({ length: whole.statements }, (_, n) => n + 1).flatMap((at) =>
      MOMENTS.map((when) => ({ at, when })),
    );
    const chosen = someOf(points, partOf(points.length), SEED + ALL.indexOf(name));
    wanted += chosen.length;
    for (const { at, when } of chosen) {
      const where = `${name}, killed ${when} statement ${at} of ${whole.statements} (seed ${SEED})`;
      const { state, before } = await killedAt({ name, at, when }, where);
      const count = async () => (await countIn(database, state)) - before;
      const done = await count();
      expect([where, done]).toEqual([where, expect.toBeOneOf([0, effect])]);
      // The check seals, which would leave nothing to do.
      if (name !== 'seal') expect([where, await whatIsWrong(database, home)]).toEqual([where, []]);
      // The leases of a beat and of a call that were killed run out; until then another one would wait.
      await database.query('update ops_beats set lease_expires_at = now() where finished_at is null');
      await database.query('update ops_deliveries set claimed_until = now() where claimed_until is not null');
      const again = (await children.run({ name, state })) as Done;
      expect([where, done, again.refused?.code ?? null]).toEqual([where, done, done > 0 ? refused : null]);
      const total = await count();
      expect([where, total]).toEqual([where, anew ? done + effect : effect]);
      expect([where, await whatIsWrong(database, home)]).toEqual([where, []]);
      killed++;
    }
  }, 600_000);

  test(`after all of these crashes the queue drains (seed ${SEED})`, async () => {
    await drain(db.database);
    expect(await db.database.query(`select id from ops_missions where status = 'active'`)).toEqual([]);
    expect(await whatIsWrong(db.database, home)).toEqual([]);
  });
});

test('every point was come to', () => {
  expect(killed).toBe(wanted);
  figure(
    'crash points covered',
    '100 %',
    `${count(killed)} of ${count(wanted)}: before, in and after statements of ${NAMES.length} operations`,
  );
});

/** Completes whatever is left. */
async function drain(database: Database): Promise<void> {
  const worker = await testWorker(database);
  for (let done = 1; done > 0; ) {
    const recovered = await database.transaction((tx) =>
      recoverSteps(tx, { why: 'stale', afterMinutes: -1, perKind: {} }),
    );
    await database.query('update ops_steps set available_at = now() where available_at is not null');
    done = recovered.requeued + recovered.failed + (await promoteDelayed(database)).promoted;
    for (const kind of ['analyze', 'generate', 'review', 'publish', 'translate']) {
      const claims = await worker.claim(kind, 200);
      done += (
        await completeSteps(
          database,
          claims.map((claim) => ({ ...claim, output: 'at last' })),
        )
      ).size;
    }
  }
}
