import { useQuery } from '@tanstack/react-query';
import { useFilters } from '../../data/url-filters.ts';
import { Answer, Empty } from '../../ui/answer.tsx';
import { Columns, Page, Panel } from '../../ui/panel.tsx';
import { Commands } from './commands.tsx';
import { FolderPanel } from './folder.tsx';
import { OutputPanel } from './output.tsx';
import { statusQuery } from './queries.ts';
import { Submit } from './submit.tsx';
import { TaskFiles } from './task-files.tsx';
import { Workspace } from './workspace.tsx';

const NAMES = ['stem', 'status', 'out'] as const;

/** The folder of task files: what came in, what became of it, and what came out. */
export function Files() {
  const asking = useQuery(statusQuery);
  const { filters, set } = useFilters(NAMES);
  return (
    <Page title="Files">
      <Panel title="Workspace">
        <Answer of={asking} what="state of the workspace">
          {(status) => (status === null ? <Nowhere /> : <Workspace status={status} />)}
        </Answer>
      </Panel>
      {filters.out !== undefined && (
        <OutputPanel key={filters.out} name={filters.out} onClose={() => set('out', '')} />
      )}
      <Columns>
        {asking.data && <Submit status={asking.data} />}
        <Commands />
      </Columns>
      <Panel title="Task files">
        <TaskFiles filters={filters} onFilter={set} />
      </Panel>
      <Columns>
        <FolderPanel folder="outputs" />
        <FolderPanel folder="inbox" />
      </Columns>
    </Page>
  );
}

function Nowhere() {
  return (
    <Empty>
      This server has no workspace, so it takes no files; open the dashboard of the one that has. What the
      database knows of task files is below.
    </Empty>
  );
}
