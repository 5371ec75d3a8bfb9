import type { Db } from '../db/database.ts';
import { priorOutputs } from '../steps/steps.ts';
import type { PriorOutput } from '../steps/schema.ts';
import type { Claim } from './schema.ts';

/** What a step is about: the proposal behind it, its agent's model, and what the steps before it produced. */
export type Brief = {
  proposal: { id: string; kind: string; title: string; body: string | null };
  agent: { agent_id: string; role: string | null; model_override: string | null };
  prior: PriorOutput[];
};

export async function loadBrief(db: Db, claim: Claim): Promise<Brief> {
  const brief = (await loadBriefs(db, [claim])).get(claim.id);
  if (!brief) throw new Error(`step ${claim.id} has no proposal`);
  return brief;
}

/** By the id of the step; one without a proposal is left out. */
export async function loadBriefs(db: Db, claims: readonly Claim[]): Promise<Map<string, Brief>> {
  const asked = db.query<{ id: string } & Omit<Brief, 'prior'>>(
    `select s.id, jsonb_build_object('id', p.id, 'kind', p.kind, 'title', p.title, 'body', p.body) as proposal,
       jsonb_build_object('agent_id', p.agent_id, 'role', a.role, 'model_override', a.model_override) as agent
     from ops_steps s join ops_proposals p on p.id = s.proposal_id
     left join ops_agent_config a on a.agent_id = p.agent_id
     where s.id = any ($1::uuid[])`,
    [claims.map((claim) => claim.id)],
    'opsloop_brief',
  );
  const priors = Promise.all(
    claims.map(async ({ id, mission_id, position }): Promise<[string, PriorOutput[]]> => {
      const isFirst = mission_id === null || position === 1;
      return [id, isFirst ? [] : await priorOutputs(db, mission_id, position)];
    }),
  );
  const [rows, prior] = await Promise.all([asked, priors]);
  const priorOf = new Map(prior);
  return new Map(rows.map(({ id, ...row }) => [id, { ...row, prior: priorOf.get(id) ?? [] }]));
}
