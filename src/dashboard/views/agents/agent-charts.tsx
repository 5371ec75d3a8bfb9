import { useQuery } from '@tanstack/react-query';
import { Answer, Empty } from '../../ui/answer.tsx';
import { type Bar, Chart } from '../../ui/chart.tsx';
import { sayDuration, sayNumber, sayRoughly, sayUsd } from '../../ui/duration.ts';
import { Panel } from '../../ui/panel.tsx';
import styles from './agents.module.css';
import { type AgentStats, agentStatsQuery, DAYS } from './queries.ts';

/** Proposals, ends, tokens and work of one agent, day by day. */
export function AgentCharts({ id }: { id: string }) {
  const stats = useQuery(agentStatsQuery);
  return (
    <Panel title={`The last ${DAYS} days`}>
      <Answer of={stats} what="figures">
        {({ days, agents }) => {
          const own = agents.find(({ agent_id }) => agent_id === id);
          return own ? <Charts days={days} own={own} /> : <Empty>It has done nothing in these days.</Empty>;
        }}
      </Answer>
    </Panel>
  );
}

type Day = AgentStats['days'][number];

function Charts({ days, own }: { days: readonly string[]; own: AgentStats }) {
  const bars = (value: (day: Day) => number, bad: (day: Day) => number = () => 0): Bar[] =>
    days.map((day) => {
      const found = own.days.find((one) => one.day === day);
      return { at: `${day}T12:00:00Z`, value: found ? value(found) : 0, bad: found ? bad(found) : 0 };
    });
  const share =
    own.success_share === null ? 'none ended' : `${Math.round(own.success_share * 100)} % succeeded`;
  return (
    <div className={styles.charts}>
      <Chart
        label="Proposals a day"
        figure={`${sayNumber(own.proposals)}, ${sayNumber(own.rejected)} rejected`}
        bars={bars(
          (day) => day.proposals,
          (day) => day.rejected,
        )}
      />
      <Chart
        label="Missions that ended a day"
        figure={share}
        bars={bars(
          (day) => day.succeeded + day.failed,
          (day) => day.failed,
        )}
      />
      <Chart label="Tokens a day" figure={sayRoughly(own.tokens)} bars={bars((day) => day.tokens)} />
      {own.cost_usd > 0 && (
        <Chart
          label="Cost a day, as far as known"
          figure={sayUsd(own.cost_usd)}
          say={sayUsd}
          bars={bars((day) => day.cost_usd)}
        />
      )}
      <Chart
        label="Work a day"
        figure={sayDuration(own.work_ms)}
        say={sayDuration}
        bars={bars((day) => day.work_ms)}
      />
    </div>
  );
}
