import { z } from 'zod';
import type { Client } from '../client.ts';
import { STEP_STATUSES } from '../steps/schema.ts';
import { StoredMission, StoredProposal, toStoredMission, toStoredProposal } from './shapes.ts';

/** Of the body and of each output: enough for most, and small enough for a model's context. */
export const USUAL_CHARS = 10_000;

const ShownStep = z.object({
  position: z.number().int(),
  kind: z.string(),
  status: z.enum(STEP_STATUSES),
  attempt: z.number().int(),
  output: z.string().nullable(),
  output_is_cut: z.boolean().describe('There is more of it: show_proposal with a larger max_chars.'),
  failure: z.string().nullable(),
});

export const ShownProposal = z.object({
  proposal: StoredProposal.extend({
    body: z.string().nullable(),
    body_is_cut: z.boolean(),
    edited: z.boolean().describe('A human changed its title or body before approving it.'),
  }),
  next: z.string().describe('What moves it next, and by whom; or that it has ended, and how.'),
  mission: StoredMission.nullable(),
  steps: z.array(ShownStep),
});

/** @param maxChars how much of the body and of each output is given */
export async function readProposal(
  client: Client,
  id: string,
  maxChars = USUAL_CHARS,
): Promise<z.input<typeof ShownProposal>> {
  const one = client.api.api.ops.proposals[':id'];
  const [{ proposal, mission }, { why }] = await Promise.all([
    client.read(one.$get({ param: { id } })),
    client.read(one.why.$get({ param: { id } })),
  ]);
  const [body, bodyIsCut] = cut(proposal.body, maxChars);
  return {
    proposal: {
      ...toStoredProposal(proposal),
      body,
      body_is_cut: bodyIsCut,
      edited: proposal.original !== null,
    },
    // What people are told here names the commands that decide, which are none of an agent's business.
    next: proposal.status === 'pending' ? PENDING : why.next,
    mission: mission && toStoredMission(mission.mission),
    steps: (mission?.steps ?? []).map(({ position, kind, status, attempt, output, failure }) => {
      const [text, isCut] = cut(textOf(output), maxChars);
      return {
        position,
        kind,
        status,
        attempt,
        output: text,
        output_is_cut: isCut,
        failure: failure && `${failure.class}: ${failure.message}`,
      };
    }),
  };
}

const PENDING =
  'A human decides about it. There is nothing for you to do but to wait, or to go on with other work.';

/** Outputs of models have a text; others are shown as they are. */
function textOf(output: unknown): string | null {
  if (output === null || output === undefined) return null;
  if (typeof output === 'object' && 'text' in output && typeof output.text === 'string') return output.text;
  return typeof output === 'string' ? output : JSON.stringify(output);
}

function cut(text: string | null, maxChars: number): [string | null, boolean] {
  if (text === null || text.length <= maxChars) return [text, false];
  // Half a character would be refused by whoever reads it next.
  return [text.slice(0, maxChars).replace(/\p{Surrogate}$/u, ''), true];
}
