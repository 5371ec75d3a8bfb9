import type { Database } from '../db/database.ts';
import { MOST_AT_ONCE, recoverSteps } from '../engine/recover.ts';
import { deleteOldWorkClaims } from '../engine/work-claims.ts';
import { signChainEnd } from '../events/proof/sign.ts';
import { forgetOldSessions } from '../keys/sessions.ts';
import { readPolicyKey } from '../policy/policy.ts';
import { isHeld } from '../policy/released.ts';
import { dropOld } from '../retention/retention.ts';
import { countForBeat } from '../tallies/tallies.ts';
import { forgetOldCalls } from '../webhooks/forget.ts';
import { deleteOldAnswers, deleteOldCounters, MOST_ANSWERS_AT_ONCE } from './queries.ts';

/** One part of a beat. What it returns is kept as the details of its run. It never calls a model. */
export type Action = { name: string; run(database: Database): Promise<Record<string, unknown>> };

/** Rounds of one action in one beat, so that a beat has an end. */
const MOST_ROUNDS = 50;

/** Gives back steps that run longer than policy allows, even if their worker lives. */
const recoverStaleSteps: Action = {
  name: 'recoverStaleSteps',
  async run(database) {
    const { after_minutes, per_kind = {} } = await readPolicyKey(database, 'stale_steps');
    const stuck = { why: 'stale', afterMinutes: after_minutes, perKind: per_kind } as const;
    const sum = { requeued: 0, failed: 0 };
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const recovered = await database.transaction((tx) => recoverSteps(tx, stuck));
      sum.requeued += recovered.requeued;
      sum.failed += recovered.failed;
      if (recovered.requeued + recovered.failed < MOST_AT_ONCE) break;
    }
    if (sum.requeued > 0) database.hints.tell('steps');
    return sum;
  },
};

/** A backup is restored to see what was: until somebody resumes the copy, nothing of it is too old. */
function unlessHeld({ name, run }: Action): Action {
  return {
    name,
    run: async (database) => ((await isHeld(database)) === false ? run(database) : { held: true }),
  };
}

/** Goes on in rounds while each finds as many as it may. @returns how many in all */
async function untilFew(deleteSome: () => Promise<number>): Promise<number> {
  let sum = 0;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const deleted = await deleteSome();
    sum += deleted;
    if (deleted < MOST_ANSWERS_AT_ONCE) break;
  }
  return sum;
}

/**
 * Forgets the answers that are kept for repeated requests after their 7 days, claims over HTTP that are over, counters of
 * days gone by, and sessions.
 */
const forgetOldAnswers: Action = unlessHeld({
  name: 'forgetOldAnswers',
  async run(database) {
    return {
      deleted: await untilFew(() => deleteOldAnswers(database)),
      claims: await untilFew(() => deleteOldWorkClaims(database, MOST_ANSWERS_AT_ONCE)),
      counters: await deleteOldCounters(database),
      sessions: await forgetOldSessions(database),
      ...(await forgetOldCalls(database)),
    };
  },
});

/** Counts what happened, so that whoever reads the tallies has little left to count. */
const countEvents: Action = { name: 'countEvents', run: countForBeat };

/** In the order they run; `logHeartbeat` comes after all of them, from the beat itself. */
export const ACTIONS: readonly Action[] = [recoverStaleSteps, forgetOldAnswers, countEvents];

/** What needs the home as well: its key signs where the log ends, and what was dropped of it. */
export function homeActions(home: string): readonly Action[] {
  return [
    { name: 'signLogHead', run: (database) => signChainEnd(database, home) },
    unlessHeld({ name: 'dropOldThreads', run: (database) => dropOld(database, home) }),
  ];
}
