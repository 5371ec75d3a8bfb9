import { Link } from 'wouter';
import { AgentText } from './agent-text.tsx';

/** The last letters of an id, enough to tell one from another on a page. */
export function shortId(id: string): string {
  return id.slice(-8);
}

export function ProposalLink({ id, title }: { id: string; title?: string | undefined }) {
  return (
    <Link href={`/proposals/${id}`}>{title === undefined ? shortId(id) : <AgentText text={title} />}</Link>
  );
}

export function MissionLink({ id, title }: { id: string; title?: string | undefined }) {
  return (
    <Link href={`/missions/${id}`}>{title === undefined ? shortId(id) : <AgentText text={title} />}</Link>
  );
}

export function AgentLink({ id }: { id: string }) {
  return <Link href={`/agents/${encodeURIComponent(id)}`}>{id}</Link>;
}

/** What an event is about, as a link where there is a page of it. */
export function ThingLink({
  entity,
  id,
  proposalId,
}: {
  entity: string | null;
  id: string | null;
  proposalId: string | null;
}) {
  if (entity === null || id === null) return null;
  const name = `${entity} ${id.length > 20 ? shortId(id) : id}`;
  const place = pageOf(entity, id, proposalId);
  return place === null ? <AgentText text={name} /> : <Link href={place}>{name}</Link>;
}

function pageOf(entity: string, id: string, proposalId: string | null): string | null {
  if (entity === 'proposal') return `/proposals/${id}`;
  if (entity === 'mission') return `/missions/${id}`;
  if (entity === 'agent') return `/agents/${encodeURIComponent(id)}`;
  if (entity === 'policy') return `/policy/${encodeURIComponent(id)}`;
  if (entity === 'schedule') return `/schedules/${encodeURIComponent(id)}`;
  if (entity === 'key') return '/agents';
  if (entity === 'worker' || entity === 'beat') return '/workers';
  if (entity === 'file' || entity === 'workspace') return '/files';
  return proposalId === null ? null : `/proposals/${proposalId}`;
}
