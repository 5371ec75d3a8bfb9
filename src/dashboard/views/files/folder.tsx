import { useQuery } from '@tanstack/react-query';
import type { Listed } from '../../data/types.ts';
import { AgentText } from '../../ui/agent-text.tsx';
import { Answer, Empty } from '../../ui/answer.tsx';
import { Button } from '../../ui/button.tsx';
import { Panel } from '../../ui/panel.tsx';
import { type Column, Table } from '../../ui/table.tsx';
import { Time } from '../../ui/time.tsx';
import styles from './files.module.css';
import { OutputLink } from './output-link.tsx';
import { type Folder, folderQuery } from './queries.ts';
import { saySize } from './words.ts';

/** The server lists no more of a folder. */
const MOST_LISTED = 200;
const WORDS = {
  inbox: {
    title: 'Inbox folder',
    caption: 'Files in the inbox, the newest first',
    empty: 'The inbox is empty: nothing waits, and nothing that is done was left there.',
  },
  outputs: {
    title: 'Outputs folder',
    caption: 'Files in the outputs, the newest first',
    empty: 'There is no output yet. The result of a task file comes here, and what missions publish.',
  },
};

/** What lies in a folder of the workspace now. */
export function FolderPanel({ folder }: { folder: Folder }) {
  const asking = useQuery(folderQuery(folder));
  const { title, caption, empty } = WORDS[folder];
  return (
    <Panel
      title={title}
      actions={
        <>
          {asking.dataUpdatedAt > 0 && (
            <span className={styles.quiet}>
              read <Time at={new Date(asking.dataUpdatedAt).toISOString()} />
            </span>
          )}
          <Button
            aria-label={`Read again: ${folder}`}
            busy={asking.isFetching}
            onClick={() => void asking.refetch()}
          >
            Read again
          </Button>
        </>
      }
    >
      <Answer of={asking} what={folder}>
        {({ files }) =>
          files.length === 0 ? (
            <Empty>{empty}</Empty>
          ) : (
            <>
              <div className={styles.list} tabIndex={0} role="region" aria-label={`Files of the ${folder}`}>
                <Table caption={caption} columns={columns(folder)} rows={files} keyOf={({ name }) => name} />
              </div>
              {files.length >= MOST_LISTED && (
                <p className={styles.quiet}>The newest {MOST_LISTED}; there may be more in the folder.</p>
              )}
            </>
          )
        }
      </Answer>
    </Panel>
  );
}

const columns = (folder: Folder): readonly Column<Listed>[] => [
  {
    name: 'Name',
    cell: ({ name }) => (folder === 'outputs' ? <OutputLink name={name} /> : <AgentText text={name} />),
  },
  { name: 'Size', numeric: true, cell: ({ size }) => saySize(size) },
  { name: 'Changed', cell: ({ mtime }) => <Time at={new Date(mtime * 1_000).toISOString()} /> },
];
