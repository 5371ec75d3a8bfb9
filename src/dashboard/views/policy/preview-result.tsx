import { AgentText } from '../../ui/agent-text.tsx';
import { Badge } from '../../ui/badge.tsx';
import { sayNumber } from '../../ui/duration.ts';
import { Item, Items } from '../../ui/items.tsx';
import { ProposalLink } from '../../ui/links.tsx';
import { Table } from '../../ui/table.tsx';
import { Time } from '../../ui/time.tsx';
import styles from './policy.module.css';
import type { Preview } from './queries.ts';

type Compared = Extract<Preview, { applies: true }>;
type Outcome = keyof Compared['before'];

const WORDS: Record<Outcome, string> = {
  auto_approved: 'approved by policy',
  pending: 'waiting for an operator',
  refused: 'refused by a gate',
};

/** What would have become of the last days' proposals under the new value. */
export function PreviewResult({ preview }: { preview: Preview }) {
  if (!preview.applies)
    return (
      <p role="status" className={styles.note}>
        It decides nothing about proposals: {preview.acts_on}
      </p>
    );
  const { proposals, from, truncated, before, after, changes, steps } = preview;
  const kinds = [...new Set([...Object.keys(steps.before), ...Object.keys(steps.after)])];
  return (
    <div role="status">
      <h3>What it would have done</h3>
      <p className={styles.hint}>
        {sayNumber(proposals)} proposals, the first of them <Time at={from} />
        {truncated ? ' (there were more)' : ''}, replayed under the policy as it stands and as you changed it.
      </p>
      <Table
        caption="Proposals and steps before and after the change"
        rows={[
          ...(Object.keys(WORDS) as Outcome[]).map((name) => ({
            name: WORDS[name],
            before: before[name],
            after: after[name],
          })),
          ...kinds.map((kind) => ({
            name: `steps "${kind}"`,
            before: steps.before[kind] ?? 0,
            after: steps.after[kind] ?? 0,
          })),
        ]}
        keyOf={({ name }) => name}
        columns={[
          { name: 'Would be', cell: ({ name }) => <AgentText text={name} /> },
          { name: 'Now', numeric: true, cell: (row) => sayNumber(row.before) },
          { name: 'After', numeric: true, cell: (row) => sayNumber(row.after) },
        ]}
      />
      {changes.length === 0 && <p>Nothing would have been decided otherwise.</p>}
      <Items>
        {changes.map(({ from: was, to, gate, count, examples }) => (
          <Item key={`${was} ${to} ${gate}`} tone={to === 'refused' ? 'bad' : 'info'}>
            <span>
              <Badge state={sayNumber(count)} tone="plain" /> {WORDS[was]} → {WORDS[to]}
              {gate === null ? '' : ` (${gate})`}
            </span>
            {examples.map(({ id, title, agent_id }) => (
              <small key={id}>
                <ProposalLink id={id} title={title} /> of {agent_id}
              </small>
            ))}
          </Item>
        ))}
      </Items>
    </div>
  );
}
