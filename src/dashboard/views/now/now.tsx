import { useQuery } from '@tanstack/react-query';
import { Answer } from '../../ui/answer.tsx';
import { Columns, Page, Panel } from '../../ui/panel.tsx';
import { Figures } from './figures.tsx';
import { HealthPanel } from './health-panel.tsx';
import { LoopPicture } from './loop-picture.tsx';
import { NeedsHuman } from './needs-human.tsx';
import { attentionQuery, loopQuery } from './queries.ts';
import { Running } from './running.tsx';
import { Stuck } from './stuck.tsx';

/** What the agents want, what runs, what is stuck and what moves it next. */
export function Now() {
  const loop = useQuery(loopQuery);
  const attention = useQuery(attentionQuery);
  return (
    <Page title="Now">
      <Panel title="The loop">
        <Answer of={loop} what="counts of the loop">
          {(counts) => <LoopPicture counts={counts} />}
        </Answer>
      </Panel>
      <Columns>
        <Panel title="Needs a human">
          <Answer of={attention} what="list of what needs you">
            {({ needs_human }) => <NeedsHuman given={needs_human} />}
          </Answer>
        </Panel>
        <Panel title="Does not move">
          <Answer of={attention} what="list of what is stuck">
            {({ stuck, more_groups }) => <Stuck groups={stuck} more={more_groups} />}
          </Answer>
        </Panel>
        <Panel title="Health">
          <HealthPanel />
        </Panel>
      </Columns>
      <Panel title="Runs">
        <Answer of={attention} what="list of what runs">
          {({ running }) => <Running steps={running} />}
        </Answer>
      </Panel>
      <Figures />
    </Page>
  );
}
