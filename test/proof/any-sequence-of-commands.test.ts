import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { eventsHead } from '../../src/events/events.ts';
import { whatIsWrong, whatIsWrongSince } from '../support/history.ts';
import { commandArbitraries, ran } from '../support/model/commands.ts';
import { missionsOf, type Model, stepsOf } from '../support/model/model.ts';
import { type Real, setUp, tearDown } from '../support/model/real.ts';
import { untilLeasesEnd } from '../support/loop.ts';
import { count, figure, partOf } from '../support/proof.ts';

const db = useDatabase();
const COMMANDS = partOf(100_000, 2_000);
const PER_RUN = 200;
/** Of the commands of each sort; the others meet what is over, lost or not there. */
const LEAST_EFFECTS = 1 / 7;
/** What went wrong once is run again with the seed it has printed. */
const SEED = Number(process.env.OPSLOOP_SEED ?? Date.now() % 1_000_000_000);

beforeAll(() => untilLeasesEnd(db.database));

test(`${count(COMMANDS)} commands in any order do to the database what they do to a model of it`, async () => {
  const databases = [db.database, db.open()] as const;
  const total = () => [...ran.values()].reduce((sum, { all }) => sum + all, 0);
  const commands = fc.commands(commandArbitraries(), { maxCommands: PER_RUN, size: 'max' });
  // Runs are of any length up to the most, so their number follows from what they came to.
  for (let round = 0; total() < COMMANDS; round++) {
    await fc.assert(
      fc.asyncProperty(commands, async (some) => {
        let scene: { model: Model; real: Real } | undefined;
        const { seq } = await eventsHead(db.database);
        await fc.asyncModelRun(async () => (scene = await setUp([...databases])), some);
        if (scene === undefined) return;
        await compare(scene.model);
        expect(await whatIsWrongSince(db.database, seq)).toEqual([]);
        await tearDown(scene.real);
      }),
      { numRuns: 5, seed: SEED + round, endOnFailure: false },
    );
  }
  const told = [...ran].map(([name, { all, effects }]) => `${name} ${effects} of ${all}`).join(', ');
  // Never trivially green: each sort was there, and often changed something; what a beat may do it says itself.
  const least = (name: string) => (name === 'a beat' ? 0 : LEAST_EFFECTS);
  expect(
    [...ran].filter(([name, { all, effects }]) => all < total() / 200 || effects < all * least(name)),
    told,
  ).toEqual([]);
  expect(await whatIsWrong(db.database)).toEqual([]);
  figure('random commands against a model', count(100_000), `${count(total())} (seed ${SEED}), ${told}`);
}, 3_600_000);

/** Every row is as the model says. */
async function compare(model: Model): Promise<void> {
  const read = async <Row extends { id: string }>(sql: string, ids: string[]) =>
    new Map((await db.database.query<Row>(sql, [ids])).map(({ id, ...row }) => [id, row]));
  const { proposals } = model;
  expect(
    await read(
      'select id, status, outcome from ops_proposals where id = any($1::uuid[])',
      proposals.map(({ id }) => id),
    ),
  ).toEqual(new Map(proposals.map(({ id, status, outcome }) => [id, { status, outcome }])));
  const missions = missionsOf(model);
  expect(
    await read(
      'select id, status from ops_missions where id = any($1::uuid[])',
      missions.map(({ id }) => id),
    ),
  ).toEqual(new Map(missions.map(({ id, status }) => [id, { status }])));
  const steps = stepsOf(model).map(({ step }) => step);
  expect(
    await read(
      `select id, case when status <> 'queued' then status when ready then 'ready'
         when available_at is not null then 'delayed' else 'waiting' end as status, attempt, failures
       from ops_steps where id = any($1::uuid[])`,
      steps.map(({ id }) => id),
    ),
  ).toEqual(new Map(steps.map(({ id, status, attempt, failures }) => [id, { status, attempt, failures }])));
}
