import type { Step } from '../../data/types.ts';
import { AgentText } from '../../ui/agent-text.tsx';
import { Badge } from '../../ui/badge.tsx';
import { sayDuration, sayNumber, sayUsd } from '../../ui/duration.ts';
import { Table } from '../../ui/table.tsx';
import { Since, Time } from '../../ui/time.tsx';
import type { Attempt } from './queries.ts';

const TONES = { completed: 'good', failed: 'bad', lost: 'bad', stale: 'bad' } as const;

/** There only where some of it is known. */
const COST = {
  name: 'Cost',
  numeric: true,
  cell: ({ calls }: Attempt) =>
    sumOf(
      calls.map((call) => call.cost_usd),
      sayUsd,
    ),
};

/** Each claim of a step: who had it, how long, how it ended, and what the model calls cost. */
export function Attempts({ attempts, step }: { attempts: readonly Attempt[]; step: Step }) {
  const isPriced = attempts.some(({ calls }) => calls.some(({ cost_usd }) => cost_usd !== null));
  return (
    <Table
      caption={`Attempts of step ${step.position}`}
      rows={attempts}
      keyOf={({ attempt }) => attempt}
      columns={[
        { name: 'Attempt', numeric: true, cell: ({ attempt }) => attempt },
        { name: 'Begun', cell: ({ claimed_at }) => <Time at={claimed_at} /> },
        {
          name: 'Took',
          numeric: true,
          cell: ({ claimed_at, ended_at }) =>
            claimed_at && ended_at ? (
              sayDuration(Date.parse(ended_at) - Date.parse(claimed_at))
            ) : (
              <Since at={claimed_at} />
            ),
        },
        {
          name: 'End',
          cell: ({ ended_as, failure }) => (
            <>
              <Badge
                state={ended_as ?? 'running'}
                tone={(TONES as Record<string, 'good' | 'bad'>)[ended_as ?? ''] ?? 'info'}
              />{' '}
              {failure && <AgentText text={failure.message ?? failure.class} />}
            </>
          ),
        },
        { name: 'Worker', cell: ({ worker_id }) => (worker_id ? <AgentText text={worker_id} /> : null) },
        {
          name: 'Model',
          cell: ({ calls }) => (
            <AgentText text={calls.map(({ model, engine }) => model ?? engine).join(', ')} />
          ),
        },
        {
          name: 'Tokens in',
          numeric: true,
          cell: ({ calls }) => sumOf(calls.map((call) => call.input_tokens)),
        },
        {
          name: 'Tokens out',
          numeric: true,
          cell: ({ calls }) => sumOf(calls.map((call) => call.output_tokens)),
        },
        ...(isPriced ? [COST] : []),
      ]}
    />
  );
}

/** Unknown is not 0. */
function sumOf(counts: readonly (number | null)[], say: (sum: number) => string = sayNumber): string {
  const known = counts.filter((count) => count !== null);
  return known.length === 0 ? '' : say(known.reduce((sum, count) => sum + count, 0));
}
