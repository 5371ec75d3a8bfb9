import type { Database, Db } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { readPolicy } from '../policy/policy.ts';
import { SHARE_POLICY } from '../policy/queries.ts';
import { getProposal } from '../proposals/proposals.ts';
import type { ProposalRow } from '../proposals/schema.ts';
import { planMission } from './plan-mission.ts';
import { decidePending, insertMissions } from './queries.ts';
import type { MissionWithSteps } from './schema.ts';

export type Edit = { title?: string | undefined; body?: string | null | undefined };
/** Who decides, and why. */
export type Given = {
  by: string;
  reason?: string | undefined;
  /** Writes that belong to the decision: in its transaction, which may run more than once, or not at all. */
  alongside?: (tx: Db) => Promise<void>;
};
export type Decided = { proposal: ProposalRow; mission: MissionWithSteps | null };

/**
 * Approves a pending proposal, as it is or edited (the original is kept), and starts its mission.
 * @throws AppError not_found, or conflict when somebody else has decided
 */
export async function approve(
  database: Database,
  id: string,
  given: Given & { edit?: Edit | undefined },
): Promise<Decided> {
  const decided = await database.transaction(async (tx): Promise<Decided> => {
    const before = await getProposal(tx, id);
    const edit = given.edit && {
      title: given.edit.title ?? before.title,
      body: given.edit.body === undefined ? before.body : given.edit.body,
    };
    const proposal = await decidePending(tx, {
      id,
      status: 'approved',
      decision: { by: given.by, action: 'approved', reason: given.reason ?? '' },
      edit: edit ?? null,
    });
    if (!proposal) throw await alreadyDecided(tx, id);
    const plan = planMission(proposal, await readPolicy(tx), given.by);
    const made = await insertMissions(tx, [plan.mission], plan.steps);
    await given.alongside?.(tx);
    const [mission] = made.missions;
    return { proposal, mission: mission ? { mission, steps: made.steps } : null };
  }, SHARE_POLICY);
  database.hints.tell('steps');
  database.hints.tell('events');
  return decided;
}

/** Rejects a pending proposal. @throws AppError not_found, or conflict when somebody else has decided */
export async function reject(database: Database, id: string, given: Given): Promise<Decided> {
  const proposal = await database.transaction(async (tx) => {
    await getProposal(tx, id);
    const decision = { by: given.by, action: 'rejected' as const, reason: given.reason ?? '' };
    const row = await decidePending(tx, { id, status: 'rejected', decision, edit: null });
    if (!row) throw await alreadyDecided(tx, id);
    await given.alongside?.(tx);
    return row;
  });
  database.hints.tell('events');
  return { proposal, mission: null };
}

async function alreadyDecided(tx: Db, id: string): Promise<AppError> {
  const { status, decision, decided_at } = await getProposal(tx, id);
  return new AppError(
    'conflict',
    `This proposal is ${status} since ${decided_at?.toISOString() ?? 'before'}, decided by ${decision?.by ?? 'somebody'}. Only a pending proposal can be decided; the first decision stands.`,
    { details: { status, decided_by: decision?.by ?? null, decided_at } },
  );
}
