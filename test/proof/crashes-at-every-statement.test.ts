import { afterAll, beforeAll, expect, test } from 'vitest';
import { completeSteps } from '../../src/engine/complete.ts';
import { promoteDelayed } from '../../src/engine/promote.ts';
import { recoverSteps } from '../../src/engine/recover.ts';
import { setPolicy } from '../../src/policy/policy.ts';
import { DEFAULT_POLICY } from '../../src/policy/schema.ts';
import { type Done, makeChildren, type Moment } from '../support/crash/child.ts';
// @ts-expect-error it runs in processes of its own, and is plain JavaScript
import { operations } from '../support/crash/operations.mjs';
import { makePrepare } from '../support/crash/prepare.ts';
import { useDatabase } from '../support/database.ts';
import { whatIsWrong } from '../support/history.ts';
import { openPolicy, testWorker } from '../support/loop.ts';
import { count, figure, partOf } from '../support/proof.ts';
import { emptyHome } from '../support/sealed-log.ts';

const db = useDatabase();
const home = emptyHome();
const NAMES = Object.keys(operations as Record<string, unknown>);
const MOMENTS: Moment[] = ['before', 'sent', 'after'];
/** How an operation that was done, and whose answer was lost, refuses to be done again. */
const SAYS_DONE: Record<string, string> = {
  approve: 'conflict',
  'approve edited': 'conflict',
  reject: 'conflict',
  // Its id is drawn anew by every process.
  'register a worker': '23505',
  cancel: 'conflict',
  retry: 'conflict',
  'revoke a key': 'not_found',
  'add a schedule': 'conflict',
  'remove a schedule': 'not_found',
};
let killed = 0;
let children: ReturnType<typeof makeChildren>;
let prepare: ReturnType<typeof makePrepare>;

beforeAll(async () => {
  const { database } = db;
  await openPolicy(database, ['analysis', 'deploy-now', 'translation']);
  await setPolicy(database, 'plans', { ...DEFAULT_POLICY.plans, translation: ['translate'] }, 'test');
  await setPolicy(database, 'kind_caps', { capped: 0 }, 'test');
  children = makeChildren(db.url);
  prepare = makePrepare(database, home);
});

test.each(NAMES)(
  'killed before, in and after each statement of "%s", nothing is half done, and it can be done again',
  async (name) => {
    // Once to do what others have left, and once to count.
    await children.run({ name, state: await prepare(name) });
    const whole = (await children.run({ name, state: await prepare(name) })) as Done;
    expect([name, whole.refused]).toEqual([name, null]);
    expect(whole.statements).toBeGreaterThan(0);

    const points = Array.from({ length: whole.statements }, (_, n) => n + 1).flatMap((at) =>
      MOMENTS.map((when) => ({ at, when })),
    );
    const some = partOf(points.length, 1);
    // Of a part, other ones for each operation.
    const chosen = points.filter((_, n) => (n + name.length) % Math.round(points.length / some) === 0);
    let kills = 0;
    for (const { at, when } of chosen) {
      const state = await prepare(name);
      const where = `${name}, killed ${when} statement ${at} of ${whole.statements}`;
      const ended = await children.run({ name, state, at, when });
      // What there is to do differs a little from time to time: then the statement was not made.
      if (ended !== null) expect([where, ended.statements < at]).toEqual([where, true]);
      else kills++;
      expect([where, await whatIsWrong(db.database, home)]).toEqual([where, []]);
      // The lease of a beat that was killed runs out; until then another one would wait.
      await db.database.query('update ops_beats set lease_expires_at = now() where finished_at is null');
      const again = (await children.run({ name, state })) as Done;
      expect([where, again.refused?.code ?? null]).toEqual([
        where,
        expect.toBeOneOf([null, SAYS_DONE[name]]),
      ]);
      expect([where, await whatIsWrong(db.database, home)]).toEqual([where, []]);
    }
    expect(kills).toBeGreaterThan(0);
    killed += kills;
  },
  600_000,
);

test('after all of these crashes the queue drains', async () => {
  const { database } = db;
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
  expect(await database.query(`select id from ops_missions where status = 'active'`)).toEqual([]);
  expect(await whatIsWrong(database, home)).toEqual([]);
  figure(
    'crash points covered',
    '100 %',
    `${count(killed)} kills, at each statement of ${NAMES.length} operations`,
  );
});

afterAll(() => children.stop());
