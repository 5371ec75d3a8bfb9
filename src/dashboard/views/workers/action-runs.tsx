import type { Beat } from '../../data/types.ts';
import { AgentText } from '../../ui/agent-text.tsx';
import { Badge } from '../../ui/badge.tsx';
import { sayDuration } from '../../ui/duration.ts';
import { type Column, Table } from '../../ui/table.tsx';
import styles from './workers.module.css';

type Run = Beat['actions'][number];

const COLUMNS: readonly Column<Run>[] = [
  {
    name: 'Action',
    cell: ({ action }) => (
      <span className={styles.name}>
        <AgentText text={action} />
      </span>
    ),
  },
  { name: 'Result', cell: ({ status }) => <Badge state={status} /> },
  {
    name: 'Took',
    numeric: true,
    cell: ({ duration_ms }) => (duration_ms === null ? 'unknown' : sayDuration(duration_ms)),
  },
  { name: 'Details', cell: ({ details }) => <AgentText text={sayDetails(details)} /> },
];

/** What the actions of one beat did. */
export function ActionRuns({ caption, runs }: { caption: string; runs: readonly Run[] }) {
  return <Table caption={caption} columns={COLUMNS} rows={runs} keyOf={({ action }) => action} />;
}

/** `requeued 2, failed 0`. What has parts of its own is told in other places: the actions of a beat are rows here. */
function sayDetails(details: unknown): string {
  if (typeof details !== 'object' || details === null) return '';
  return Object.entries(details)
    .filter(([, value]) => typeof value !== 'object')
    .map(([name, value]) => `${name.replaceAll('_', ' ')} ${String(value)}`)
    .join(', ');
}
