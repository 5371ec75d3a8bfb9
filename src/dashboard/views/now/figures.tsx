import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Answer } from '../../ui/answer.tsx';
import { Button } from '../../ui/button.tsx';
import { Chart } from '../../ui/chart.tsx';
import { sayDuration, sayRoughly, sayUsd } from '../../ui/duration.ts';
import { Panel } from '../../ui/panel.tsx';
import styles from './figures.module.css';
import { type Stats, statsQuery, type Window } from './queries.ts';

const WINDOWS: Record<Window, string> = { hour: 'Last hour', day: 'Last day' };

export function Figures() {
  const [window, setWindow] = useState<Window>('hour');
  const stats = useQuery(statsQuery(window));
  return (
    <Panel
      title={WINDOWS[window]}
      actions={(Object.keys(WINDOWS) as Window[]).map((one) => (
        <Button key={one} look="quiet" aria-pressed={one === window} onClick={() => setWindow(one)}>
          {WINDOWS[one]}
        </Button>
      ))}
    >
      <Answer of={stats} what="figures">
        {(found) => <Charts stats={found} />}
      </Answer>
    </Panel>
  );
}

function Charts({ stats: { buckets, totals, bucket_seconds } }: { stats: Stats }) {
  const each = bucket_seconds === 60 ? 'a minute' : `in ${bucket_seconds / 60} minutes`;
  return (
    <div className={styles.charts}>
      <Chart
        label={`Steps ${each}`}
        figure={`${sayRoughly(totals.steps)}, ${sayRoughly(totals.step_failures)} failed`}
        bars={buckets.map(({ at, steps, step_failures }) => ({
          at,
          value: steps + step_failures,
          bad: step_failures,
        }))}
      />
      <Chart
        label={`Missions that ended ${each}`}
        figure={`${sayRoughly(totals.succeeded)}, ${sayRoughly(totals.failed)} failed`}
        bars={buckets.map(({ at, succeeded, failed }) => ({ at, value: succeeded + failed, bad: failed }))}
      />
      <Chart
        label="Wait for the start, 95 of 100"
        figure={totals.wait_p95_ms === null ? 'nothing began' : sayDuration(totals.wait_p95_ms)}
        say={sayDuration}
        bars={buckets.map(({ at, wait_p95_ms }) => ({ at, value: wait_p95_ms ?? 0 }))}
      />
      <Chart
        label={`Proposals ${each}`}
        figure={`${sayRoughly(totals.proposals)}, ${sayRoughly(totals.rejected)} rejected`}
        bars={buckets.map(({ at, proposals, rejected }) => ({ at, value: proposals, bad: rejected }))}
      />
      <Chart
        label={`Tokens ${each}`}
        figure={`${sayRoughly(totals.tokens)}${totals.cost_usd > 0 ? `, ${sayUsd(totals.cost_usd)}` : ''}`}
        bars={buckets.map(({ at, tokens }) => ({ at, value: tokens }))}
      />
    </div>
  );
}
