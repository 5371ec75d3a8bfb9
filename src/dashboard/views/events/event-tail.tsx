import { type RefObject, useEffect, useRef, useState } from 'react';
import { useMe } from '../../data/me.ts';
import { useStore } from '../../data/store.ts';
import { Empty, Failure } from '../../ui/answer.tsx';
import { Button } from '../../ui/button.tsx';
import { sayNumber } from '../../ui/duration.ts';
import { EventList } from './event-list.tsx';
import styles from './events.module.css';
import { type EventFilters, matches } from './matches.ts';
import { readEvents } from './queries.ts';
import { makeTail, type TailState } from './tail.ts';

type Props = {
  filters: EventFilters;
  /** Set when the list was narrowed by a button that is gone now: the focus then goes to the new list. */
  takesFocus: RefObject<boolean>;
  onNarrow: (to: EventFilters) => void;
};

/** The list of events and what moves it. It follows the log unless somebody holds it, or reads in it. */
export function EventTail({ filters, takesFocus, onNarrow }: Props) {
  const { live } = useMe();
  const [tail] = useState(() =>
    makeTail({
      read: (cursor) => readEvents(filters, cursor),
      matches: (event) => matches(filters, event),
    }),
  );
  useEffect(() => tail.start(live), [tail, live]);
  const state = useStore(tail.state);
  const { rows, next, reading, error } = state;

  const bar = useRef<HTMLDivElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const [isPaused, setPaused] = useState(false);
  const [isRead, setRead] = useState(false);
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  const isHeld = isPaused || isRead || open.size > 0;
  useEffect(() => tail.hold(isHeld), [tail, isHeld]);
  useEffect(() => {
    if (takesFocus.current) bar.current?.focus();
    takesFocus.current = false;
  }, [takesFocus]);

  const resume = () => {
    setPaused(false);
    setOpen(new Set());
    box.current?.scrollTo({ top: 0 });
    tail.resume();
  };
  return (
    <>
      <div ref={bar} className={styles.bar} tabIndex={-1}>
        <Mode state={state} isPaused={isPaused} isHeld={isHeld} />
        {isHeld || state.detached ? (
          <Button look="primary" onClick={resume} busy={reading === 'newest'}>
            Resume
          </Button>
        ) : (
          <Button onClick={() => setPaused(true)}>Pause</Button>
        )}
      </div>
      <Failure error={error} />
      <EventList
        box={box}
        rows={rows}
        generation={state.generation}
        open={open}
        onOpen={setOpen}
        onRead={setRead}
        onNarrow={onNarrow}
      />
      {rows.length === 0 && reading === 'newest' && (
        <p className={styles.quiet} role="status">
          Reading the events …
        </p>
      )}
      {rows.length === 0 && reading === null && error === null && (
        <Empty>
          {next === null
            ? 'No event is like that. Change the filters, or wait: what comes is shown at once.'
            : 'None of the newest events is like that. Look further back, or change the filters.'}
        </Empty>
      )}
      <p className={styles.bar}>
        <span className={styles.quiet}>
          {sayNumber(rows.length)} shown{next === null && rows.length > 0 ? ': all there are' : ''}
        </span>
        {next !== null && (
          <Button busy={reading === 'older'} onClick={() => void tail.readOlder()}>
            {reading === 'older' ? 'Reading …' : 'Show older events'}
          </Button>
        )}
      </p>
    </>
  );
}

function Mode({ state, isPaused, isHeld }: { state: TailState; isPaused: boolean; isHeld: boolean }) {
  return (
    <p>
      <span role="status">
        {state.error !== null && state.detached
          ? 'The newest events could not be read.'
          : state.detached
            ? 'Older events are shown.'
            : isPaused
              ? 'Paused.'
              : isHeld
                ? 'Held while you read.'
                : 'Follows the log.'}
      </span>{' '}
      {(isHeld || state.detached) && (
        <strong>{state.waiting === 0 ? 'Nothing new waits.' : `${sayNumber(state.waiting)} wait.`}</strong>
      )}
    </p>
  );
}
