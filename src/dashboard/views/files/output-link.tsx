import { Link, useSearch } from 'wouter';
import { AgentText } from '../../ui/agent-text.tsx';

/** Leads to the text of an output, on the same page under the same filters. */
export function OutputLink({ name }: { name: string }) {
  const params = new URLSearchParams(useSearch());
  params.set('out', name);
  return (
    <Link href={`/files?${params.toString()}`}>
      <AgentText text={name} />
    </Link>
  );
}
