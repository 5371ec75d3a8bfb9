import { visible } from '../../../lib/visible.ts';
import type { Proposal } from '../../data/types.ts';
import { AgentText } from '../../ui/agent-text.tsx';
import { Badge } from '../../ui/badge.tsx';
import { AgentLink, ProposalLink } from '../../ui/links.tsx';
import { Time } from '../../ui/time.tsx';
import { Verdicts } from './decision.tsx';
import styles from './inbox-rows.module.css';
import type { InboxKeys } from './use-inbox-keys.ts';

type Props = {
  rows: readonly Proposal[];
  marked: ReadonlySet<string>;
  toggle(id: string): void;
  keys: InboxKeys;
};

export function InboxRows({ rows, marked, toggle, keys }: Props) {
  return (
    <>
      <p className={styles.keys}>
        Keys: <kbd>j</kbd> <kbd>k</kbd> down and up, <kbd>a</kbd> approve, <kbd>r</kbd> reject, <kbd>e</kbd>{' '}
        edit and approve, <kbd>x</kbd> mark, <kbd>Enter</kbd> open, <kbd>/</kbd> search
      </p>
      <ul className={styles.rows}>
        {rows.map((row) => (
          <li key={row.id} className={styles.row} data-current={row.id === keys.current}>
            {row.status === 'pending' ? (
              <input
                type="checkbox"
                aria-label={`Mark ${visible(row.title)}`}
                checked={marked.has(row.id)}
                onChange={() => toggle(row.id)}
              />
            ) : (
              <span />
            )}
            <span
              ref={(span) => keys.register(row.id, span?.querySelector('a') ?? null)}
              onFocus={() => keys.onFocus(row.id)}
            >
              <ProposalLink id={row.id} title={row.title} />
            </span>
            <span className={styles.about}>
              <Badge state={row.outcome ?? row.status} />
              <AgentLink id={row.agent_id} />
              <AgentText text={row.kind} />
              <Time at={row.created_at} />
            </span>
            {row.decision && (
              <details className={styles.reason}>
                <summary>
                  <AgentText text={row.decision.reason || `${row.decision.action} without a reason`} />
                </summary>
                <Verdicts proposal={row} />
              </details>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}
