import { useQuery } from '@tanstack/react-query';
import type { Proposal } from '../../data/types.ts';
import { Answer, Empty } from '../../ui/answer.tsx';
import { AgentLink, ProposalLink } from '../../ui/links.tsx';
import { Panel } from '../../ui/panel.tsx';
import { type Column, Table } from '../../ui/table.tsx';
import { Since } from '../../ui/time.tsx';
import styles from './files.module.css';
import { commandsQuery } from './queries.ts';

const COLUMNS: readonly Column<Proposal>[] = [
  { name: 'Command', cell: ({ id, title }) => <ProposalLink id={id} title={title} /> },
  { name: 'Agent', cell: ({ agent_id }) => <AgentLink id={agent_id} /> },
  { name: 'Waits for', cell: ({ created_at }) => <Since at={created_at} /> },
];

/** Commands of task files: none runs without an approval of its own. */
export function Commands() {
  const asking = useQuery(commandsQuery);
  return (
    <Panel title="Commands that need an approval">
      <Answer of={asking} what="commands that wait">
        {({ proposals, next }) =>
          proposals.length === 0 ? (
            <Empty>
              No command waits. A task file with a line <code>EXEC: command</code> makes one, where the policy
              exec_policy allows it.
            </Empty>
          ) : (
            <>
              <p className={styles.line}>Open one to see what it would run, and to approve or reject it.</p>
              <Table
                caption="Commands that wait, the oldest first"
                columns={COLUMNS}
                rows={proposals}
                keyOf={({ id }) => id}
              />
              {next !== null && <p className={styles.quiet}>and more, among the pending proposals</p>}
            </>
          )
        }
      </Answer>
    </Panel>
  );
}
