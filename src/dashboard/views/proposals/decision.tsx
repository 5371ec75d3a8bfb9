import type { Proposal } from '../../data/types.ts';
import { AgentText } from '../../ui/agent-text.tsx';
import { Badge } from '../../ui/badge.tsx';
import { sayNumber } from '../../ui/duration.ts';
import { Facts } from '../../ui/facts.tsx';
import { Json } from '../../ui/json.tsx';
import { Panel } from '../../ui/panel.tsx';
import { Table } from '../../ui/table.tsx';
import { Time } from '../../ui/time.tsx';

/** What the gates said, what they counted, and under which policy. */
export function Decision({ proposal }: { proposal: Proposal }) {
  return (
    <Panel title="Gates and decision">
      <Verdicts proposal={proposal} />
      <details>
        <summary>The policy at that time</summary>
        <Json value={proposal.policy_snapshot} label="The policy when it was proposed" />
      </details>
    </Panel>
  );
}

export function Verdicts({ proposal: { decision, decided_at } }: { proposal: Proposal }) {
  if (!decision) return null;
  return (
    <>
      <Facts
        facts={{
          Decision: decision.action,
          By: <AgentText text={decision.by} />,
          Reason: <AgentText text={decision.reason} />,
          ...(decided_at ? { Decided: <Time at={decided_at} /> } : {}),
        }}
      />
      <Table
        caption="The gates, with what they counted"
        rows={decision.verdicts}
        keyOf={({ gate, scope }) => `${gate} ${scope}`}
        columns={[
          { name: 'Gate', cell: ({ gate }) => gate },
          { name: 'Counts', cell: ({ scope }) => <AgentText text={scope} /> },
          {
            name: 'Used before',
            numeric: true,
            cell: ({ used }) => (used === null ? 'unknown' : sayNumber(used)),
          },
          { name: 'Limit', numeric: true, cell: ({ limit }) => sayNumber(limit) },
          {
            name: 'Verdict',
            cell: ({ passed }) => (
              <Badge state={passed ? 'ok' : 'error'} label={passed ? 'passed' : 'refused'} />
            ),
          },
        ]}
      />
    </>
  );
}
