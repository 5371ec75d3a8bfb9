import { z } from 'zod';
import { MISSION_STATUSES } from '../../missions/schema.ts';
import { PROPOSAL_STATUSES } from '../../proposals/schema.ts';
import { StoredMission, StoredProposal, toStoredMission, toStoredProposal } from '../shapes.ts';
import { makeTool } from '../tool.ts';

const page = {
  limit: z.number().int().min(1).max(50).default(20).describe('Most items of a page.'),
  cursor: z.string().max(200).optional().describe('`next` of the page before.'),
};
const Next = z.string().nullable().describe('The cursor of the next page; null when this is the last one.');

const toQuery = ({ limit, cursor }: { limit: number; cursor?: string | undefined }) => ({
  limit: String(limit),
  ...(cursor === undefined ? {} : { cursor }),
});

export const listProposals = makeTool({
  name: 'list_proposals',
  title: 'List your proposals',
  description: 'Your own proposals, the newest first, without their bodies and outputs.',
  input: z.strictObject({ status: z.enum(PROPOSAL_STATUSES).optional(), ...page }),
  output: z.object({ proposals: z.array(StoredProposal), next: Next }),
  reads: true,
  async run({ status, ...given }, { client, agent }) {
    const query = { ...agent, ...toQuery(given), ...(status ? { status } : {}), slim: 'true' as const };
    const { proposals, next } = await client.read(client.api.api.ops.proposals.$get({ query }));
    return { proposals: proposals.map(toStoredProposal), next };
  },
});

export const listMissions = makeTool({
  name: 'list_missions',
  title: 'List your missions',
  description:
    'The missions of your own proposals, the newest first: what is being carried out, and how it ended.',
  input: z.strictObject({ status: z.enum(MISSION_STATUSES).optional(), ...page }),
  output: z.object({ missions: z.array(StoredMission), next: Next }),
  reads: true,
  async run({ status, ...given }, { client, agent }) {
    const query = { ...agent, ...toQuery(given), ...(status ? { status } : {}) };
    const { missions, next } = await client.read(client.api.api.ops.missions.$get({ query }));
    return { missions: missions.map(toStoredMission), next };
  },
});
