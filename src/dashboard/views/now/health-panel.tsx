import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { useNow } from '../../data/clock.ts';
import { healthQuery } from '../../data/health.ts';
import { AgentText } from '../../ui/agent-text.tsx';
import { Answer } from '../../ui/answer.tsx';
import { Badge } from '../../ui/badge.tsx';
import { sayDuration, sayNumber } from '../../ui/duration.ts';
import { Facts } from '../../ui/facts.tsx';
import { Meter } from '../../ui/meter.tsx';
import { capsQuery } from './queries.ts';

export function HealthPanel() {
  const health = useQuery(healthQuery);
  const caps = useQuery(capsQuery);
  const now = useNow();
  const sinceRead = now - health.dataUpdatedAt;
  return (
    <>
      <Answer of={health} what="health">
        {({ status, database, workers, last_beat_age_seconds, events, llm, files }) => (
          <Facts
            facts={{
              State: <Badge state={status} />,
              Database: `PostgreSQL ${database.version}, ${database.latency_ms} ms`,
              Workers: <Link href="/workers">{workers.alive} alive</Link>,
              'Last beat':
                last_beat_age_seconds === null
                  ? 'none yet'
                  : `${sayDuration(last_beat_age_seconds * 1_000 + Math.max(0, sinceRead))} ago`,
              Model: <AgentText text={llm.serving} />,
              'Event log': (
                <>
                  <Link href="/events">{sayNumber(events.seq)} sealed</Link>, lag{' '}
                  {sayDuration(events.sealing_lag_ms)}
                </>
              ),
              ...(files
                ? { Files: `${files.mode ?? 'owned elsewhere'}, ${files.waiting} wait for a cap` }
                : {}),
            }}
          />
        )}
      </Answer>
      <Answer of={caps} what="caps">
        {({ proposals, tokens, timezone }) => (
          <>
            {proposals && <Meter label={`Proposals today (${timezone})`} {...proposals} />}
            {tokens && <Meter label={`Tokens today (${timezone})`} {...tokens} />}
          </>
        )}
      </Answer>
    </>
  );
}
