import { useInfiniteQuery } from '@tanstack/react-query';
import type { TaskFile } from '../../data/types.ts';
import { AgentText } from '../../ui/agent-text.tsx';
import { Answer, Empty } from '../../ui/answer.tsx';
import { Badge } from '../../ui/badge.tsx';
import { Fields, Select } from '../../ui/field.tsx';
import { FilterField } from '../../ui/filter-field.tsx';
import { AgentLink, ProposalLink } from '../../ui/links.tsx';
import { More } from '../../ui/more.tsx';
import { type Column, Table } from '../../ui/table.tsx';
import { Time } from '../../ui/time.tsx';
import styles from './files.module.css';
import { OutputLink } from './output-link.tsx';
import { type FileFilters, taskFilesQuery } from './queries.ts';
import { lookOfFile } from './words.ts';

type Props = {
  filters: FileFilters;
  onFilter: (name: 'stem' | 'status', value: string) => void;
};

/** Every file that was taken, with its proposal and its output. */
export function TaskFiles({ filters, onFilter }: Props) {
  const asking = useInfiniteQuery(taskFilesQuery(filters));
  const isFiltered = filters.stem !== undefined || filters.status !== undefined;
  return (
    <>
      <Fields>
        <FilterField
          label="Name, without .txt"
          maxLength={200}
          value={filters.stem ?? ''}
          onFilter={(value) => onFilter('stem', value.replace(/\.txt$/, ''))}
        />
        <Select
          label="State"
          value={filters.status ?? ''}
          onChange={(event) => onFilter('status', event.target.value)}
          choices={[
            { value: '', label: 'any' },
            { value: 'open', label: 'at work' },
            { value: 'finished', label: 'ended' },
          ]}
        />
      </Fields>
      <Answer of={asking} what="task files">
        {({ pages }) => {
          const files = pages.flatMap((page) => page.files);
          if (files.length === 0) {
            return (
              <Empty>
                {isFiltered
                  ? 'No task file is like that. The name must be the whole name; change or empty the filters.'
                  : 'No file was taken yet. Submit one above, or put a .txt into the inbox folder.'}
              </Empty>
            );
          }
          return (
            <>
              <Table
                caption="Task files, the newest first"
                columns={COLUMNS}
                rows={files}
                keyOf={({ id }) => id}
              />
              <More of={asking} />
            </>
          );
        }}
      </Answer>
    </>
  );
}

const COLUMNS: readonly Column<TaskFile>[] = [
  { name: 'Name', cell: ({ name }) => <AgentText text={name} /> },
  {
    name: 'State',
    cell: (file) => (
      <>
        <Badge {...lookOfFile(file)} />{' '}
        {file.form !== 'task' && <Badge state={file.form} label={file.form} />}
      </>
    ),
  },
  { name: 'Agent', cell: ({ agent_id }) => <AgentLink id={agent_id} /> },
  {
    name: 'Proposal',
    cell: ({ proposal_id, proposal_status }) =>
      proposal_id === null ? (
        <span className={styles.quiet}>none yet</span>
      ) : (
        <>
          <ProposalLink id={proposal_id} /> {proposal_status !== null && <Badge state={proposal_status} />}
        </>
      ),
  },
  {
    name: 'Output',
    cell: ({ output, note }) => {
      const written = output ?? note;
      return written === null ? (
        <span className={styles.quiet}>none yet</span>
      ) : (
        <OutputLink name={written} />
      );
    },
  },
  { name: 'Taken', cell: ({ created_at }) => <Time at={created_at} /> },
  {
    name: 'Ended',
    cell: ({ finished_at }) => (finished_at === null ? 'not yet' : <Time at={finished_at} />),
  },
];
