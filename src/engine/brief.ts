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
  const prior =
    claim.mission_id !== null && claim.position > 1 ? priorOutputs(db, claim.mission_id, claim.position) : [];
  const asked = db.query<{ proposal: Brief['proposal']; agent: Brief['agent'] }>(
    `select jsonb_build_object('id', p.id, 'kind', p.kind, 'title', p.title, 'body', p.body) as proposal,
       jsonb_build_object('agent_id', p.agent_id, 'role', a.role, 'model_override', a.model_override) as agent
     from ops_steps s join ops_proposals p on p.id = s.proposal_id
     left join ops_agent_config a on a.agent_id = p.agent_id
     where s.id = $1`,
    [claim.id],
    'opsloop_brief',
  );
  const [[row], outputs] = await Promise.all([asked, prior]);
  if (!row) throw new Error(`step ${claim.id} has no proposal`);
  return { ...row, prior: outputs };
}
