import type { Event } from '../../data/types.ts';
import { AgentText } from '../../ui/agent-text.tsx';
import { Button } from '../../ui/button.tsx';
import { Json } from '../../ui/json.tsx';
import { ThingLink } from '../../ui/links.tsx';
import { ClockTime } from '../../ui/time.tsx';
import styles from './events.module.css';
import type { EventFilters } from './matches.ts';
import { sayCause } from './say-cause.ts';

type Props = {
  event: Event;
  isOpen: boolean;
  onToggle: () => void;
  onNarrow: (to: EventFilters) => void;
};

/** One line of the log; open, with all it says. */
export function EventRow({ event, isOpen, onToggle, onNarrow }: Props) {
  const { seq, kind, entity, entity_id, proposal_id } = event;
  const details = `event-${seq}`;
  return (
    <>
      <div className={styles.row}>
        <button
          type="button"
          className={styles.seq}
          aria-expanded={isOpen}
          aria-controls={isOpen ? details : undefined}
          aria-label={`Event ${seq}`}
          onClick={onToggle}
        >
          <span aria-hidden="true">{isOpen ? '▾' : '▸'}</span> {seq}
        </button>
        <span className={styles.time}>
          <ClockTime at={event.created_at} />
        </span>
        <strong className={styles.kind}>
          <AgentText text={kind} />
        </strong>
        <span className={styles.about}>
          <ThingLink entity={entity} id={entity_id} proposalId={proposal_id} />
        </span>
        <span className={styles.cause}>
          <AgentText text={sayCause(event)} />
        </span>
      </div>
      {isOpen && (
        <div id={details} className={styles.details}>
          <p className={styles.bar}>
            <Button onClick={() => onNarrow({ kind })}>Only this kind</Button>
            {entity !== null && entity_id !== null && (
              <Button onClick={() => onNarrow({ entity, entity_id })}>Only about this {entity}</Button>
            )}
            {proposal_id !== null && (
              <Button onClick={() => onNarrow({ proposal_id })}>Only of this proposal</Button>
            )}
          </p>
          {event.source !== null && (
            <p className={styles.quiet}>
              Written by <AgentText text={event.source} />, event id {event.id}
            </p>
          )}
          <Json value={event.payload} label={`Payload of event ${seq}`} />
        </div>
      )}
    </>
  );
}
