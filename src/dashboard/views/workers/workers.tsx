import { Columns, Page } from '../../ui/panel.tsx';
import { Heartbeat } from './heartbeat.tsx';
import { PastBeats } from './past-beats.tsx';
import { Pausing } from './pausing.tsx';
import { WorkerList } from './worker-list.tsx';

/** Who works, what heals, and how to stop both. */
export function Workers() {
  return (
    <Page title="Workers and heartbeat">
      <WorkerList />
      <Columns>
        <Pausing />
        <Heartbeat />
      </Columns>
      <PastBeats />
    </Page>
  );
}
