import type { Worker } from '../../data/types.ts';
import { AgentText } from '../../ui/agent-text.tsx';
import { Badge } from '../../ui/badge.tsx';
import { sayDuration, sayNumber } from '../../ui/duration.ts';
import { Panel } from '../../ui/panel.tsx';
import { type Column, Table } from '../../ui/table.tsx';
import { Time } from '../../ui/time.tsx';
import { Slots } from './worker-card.tsx';
import styles from './workers.module.css';

const COLUMNS: readonly Column<Worker>[] = [
  { name: 'How', cell: ({ ended_as }) => <Badge state={ended_as ?? 'stopped'} /> },
  { name: 'Ended', cell: ({ ended_at }) => <Time at={ended_at} /> },
  {
    name: 'Worked for',
    cell: ({ started_at, ended_at }) =>
      ended_at === null ? '' : sayDuration(Date.parse(ended_at) - Date.parse(started_at)),
  },
  { name: 'Host', cell: ({ host }) => <AgentText text={host} /> },
  { name: 'Process', numeric: true, cell: ({ pid }) => pid ?? 'over HTTP' },
  { name: 'Version', cell: ({ version }) => <AgentText text={version} /> },
  { name: 'Slots', cell: ({ kinds }) => <Slots of={kinds} /> },
  { name: 'Id', cell: ({ worker_id }) => <AgentText text={worker_id} /> },
];

/** Those that are no more: closed, because they are seldom the question. */
export function EndedWorkers({ workers }: { workers: readonly Worker[] }) {
  const died = workers.filter(({ ended_as }) => ended_as === 'died').length;
  return (
    <Panel title={`Ended: ${sayNumber(workers.length)}`}>
      <details>
        <summary className={styles.summary}>
          {died === 0 ? 'All of them in order' : `${sayNumber(died)} died, the others ended in order`}
        </summary>
        <Table
          caption="Workers that have ended, the newest first"
          columns={COLUMNS}
          rows={workers}
          keyOf={({ worker_id }) => worker_id}
        />
      </details>
    </Panel>
  );
}
