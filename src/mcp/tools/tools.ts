import type { Tool } from '../tool.ts';
import { listMissions, listProposals } from './lists.ts';
import { propose } from './propose.ts';
import { showPolicy } from './show-policy.ts';
import { showProposal } from './show-proposal.ts';
import { waitForProposal } from './wait-for-proposal.ts';

/** All there is. Nothing here decides: approving, policy, keys and pausing are for people, and have other doors. */
export const TOOLS: Tool[] = [
  propose,
  waitForProposal,
  showProposal,
  listProposals,
  listMissions,
  showPolicy,
];
