import type { Db } from '../db/database.ts';
import { cleanText } from '../lib/clean-text.ts';
import { humanDuration } from '../lib/time.ts';
import { visible } from '../lib/visible.ts';
import { findProposal } from '../proposals/proposals.ts';
import type { ProposalRow } from '../proposals/schema.ts';
import type { DeliveryRow } from './schema.ts';

/** What a call says, for every template. Texts of agents are in it, harmless for terminals but not for markup. */
export type Message = {
  topic: string;
  at: string;
  title: string;
  text: string;
  /** Where an operator sees more; and where one decides, for who has the link. */
  links: { view: string | null; decide: string | null };
  urgent: boolean;
  proposal: ShownProposal | null;
  missionId: string | null;
};

type ShownProposal = Pick<ProposalRow, 'id' | 'agent_id' | 'kind' | 'title' | 'status'>;

const LONGEST_BODY = 600;

/** What the links of a message begin with, and how one that decides is made. */
export type Links = { base: string; decide(proposalId: string): Promise<string | null> };

/** What a call is to say now; null when it is not worth saying any more, because somebody has decided. */
export async function composeMessage(
  db: Db,
  { topic, about, created_at }: Pick<DeliveryRow, 'topic' | 'about' | 'created_at'>,
  links: Links,
): Promise<Message | null> {
  const base: Omit<Message, 'title' | 'text'> = {
    topic,
    at: about.at,
    links: { view: null, decide: null },
    urgent: false,
    proposal: null,
    missionId: about.mission_id ?? null,
  };
  const proposal = about.proposal_id === null ? null : await findProposal(db, about.proposal_id);
  const shown = proposal && toShown(proposal);
  if (topic === 'proposal.pending' || topic === 'proposal.waiting') {
    if (!proposal || !shown || proposal.status !== 'pending') return null;
    const waited = humanDuration((about.minutes ?? 0) * 60_000);
    return {
      ...base,
      title: topic === 'proposal.waiting' ? `Waits for a decision since ${waited}` : 'Waits for a decision',
      text: `${shown.agent_id} proposes ${shown.kind}: ${shown.title}${excerpt(proposal.body)}`,
      links: {
        view: `${links.base}/proposals/${proposal.id}`,
        decide: await links.decide(proposal.id),
      },
      proposal: shown,
    };
  }
  if (topic === 'mission.failed')
    return {
      ...base,
      title: 'A mission failed',
      text: `${shown ? `${shown.agent_id}, ${shown.kind}: ${shown.title}\n` : ''}${visible(about.message ?? '')}`,
      links: { ...base.links, view: `${links.base}/missions/${about.mission_id ?? ''}` },
      proposal: shown,
    };
  if (topic === 'test')
    return { ...base, title: 'A test', text: `opsloop calls, since ${created_at.toISOString()}.` };
  const isOver = topic.startsWith('solved');
  return {
    ...base,
    title: isOver ? 'Solved' : topic.startsWith('cap') ? 'A cap is reached' : 'Something is wrong',
    text: visible(about.message ?? ''),
    links: { ...base.links, view: links.base },
    urgent: topic.startsWith('problem'),
  };
}

function toShown({ id, agent_id, kind, title, status }: ProposalRow): ShownProposal {
  return { id, agent_id, kind: visible(kind), title: visible(title), status };
}

function excerpt(body: string | null): string {
  if (body === null || body.trim() === '') return '';
  const text = visible(body.trim());
  return `\n\n${text.length > LONGEST_BODY ? `${cleanText(text.slice(0, LONGEST_BODY))}…` : text}`;
}
