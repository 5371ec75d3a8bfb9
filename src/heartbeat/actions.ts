import type { Database } from '../db/database.ts';
import { recoverSteps } from '../engine/recover.ts';
import { readPolicy } from '../policy/policy.ts';
import { deleteOldAnswers } from './queries.ts';

/** One part of a beat. What it returns is kept as the details of its run. It never calls a model. */
export type Action = { name: string; run(database: Database): Promise<Record<string, unknown>> };

/** Gives back steps that run longer than policy allows, even if their worker lives. */
const recoverStaleSteps: Action = {
  name: 'recoverStaleSteps',
  async run(database) {
    const { stale_steps } = await readPolicy(database);
    const recovered = await database.transaction((tx) =>
      recoverSteps(tx, {
        why: 'stale',
        afterMinutes: stale_steps.after_minutes,
        perKind: stale_steps.per_kind ?? {},
      }),
    );
    if (recovered.requeued > 0) database.hints.tell('steps');
    return recovered;
  },
};

/** Forgets the answers that are kept for repeated requests after their 7 days. */
const forgetOldAnswers: Action = {
  name: 'forgetOldAnswers',
  async run(database) {
    return { deleted: await deleteOldAnswers(database) };
  },
};

/** In the order they run; `logHeartbeat` comes after all of them, from the beat itself. */
export const ACTIONS: readonly Action[] = [recoverStaleSteps, forgetOldAnswers];
