import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual';
import { type RefObject, useEffect, useState } from 'react';
import type { Event } from '../../data/types.ts';
import { EventRow } from './event-row.tsx';
import styles from './events.module.css';
import type { EventFilters } from './matches.ts';

type Props = {
  box: RefObject<HTMLDivElement | null>;
  rows: readonly Event[];
  generation: number;
  open: ReadonlySet<number>;
  onOpen: (open: ReadonlySet<number>) => void;
  /** Whether somebody reads in it: it is scrolled, or has the focus. Then nothing may move. */
  onRead: (isRead: boolean) => void;
  onNarrow: (to: EventFilters) => void;
};

/** As in the styles; a row that needs more than its lines is measured. */
const ROW_PX = { wide: 32, narrow: 72 };
const NARROW = '(max-width: 60rem)';
const NEAR_TOP_PX = 8;

/** The rows that can be seen, of however many there are. */
export function EventList({ box, rows, generation, open, onOpen, onRead, onNarrow }: Props) {
  const [isAway, setAway] = useState(false);
  const [focused, setFocused] = useState<number | null>(null);
  const rowPx = matchMedia(NARROW).matches ? ROW_PX.narrow : ROW_PX.wide;
  const isRead = isAway || focused !== null;
  useEffect(() => onRead(isRead), [isRead, onRead]);

  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => rowPx,
    getItemKey: (index) => rows[index]?.seq ?? index,
    overscan: 10,
    useFlushSync: false,
    rangeExtractor(range) {
      const indexes = defaultRangeExtractor(range);
      // The row with the focus is kept: without it the focus would be lost to the page.
      const index = focused === null ? -1 : rows.findIndex(({ seq }) => seq === focused);
      return index < 0 || indexes.includes(index) ? indexes : [...indexes, index].sort((a, b) => a - b);
    },
  });
  useEffect(() => {
    // Sizes of rows that are gone need not be known any more.
    virtual.measure();
    box.current?.scrollTo({ top: 0 });
  }, [generation, virtual, box]);

  const toggle = (seq: number) => {
    const after = new Set(open);
    if (!after.delete(seq)) after.add(seq);
    onOpen(after);
  };
  return (
    <div
      ref={box}
      className={styles.box}
      tabIndex={0}
      role="region"
      aria-label="Events"
      hidden={rows.length === 0}
      onScroll={({ currentTarget }) => setAway(currentTarget.scrollTop > NEAR_TOP_PX)}
      onFocus={({ target }) => {
        const seq = target.closest('li')?.dataset.seq;
        setFocused(seq === undefined ? null : Number(seq));
      }}
      onBlur={() => setFocused(null)}
    >
      <ol className={styles.rows} style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index, start }) => {
          const event = rows[index];
          if (!event) return null;
          return (
            <li
              key={event.seq}
              ref={virtual.measureElement}
              data-index={index}
              data-seq={event.seq}
              aria-posinset={index + 1}
              aria-setsize={rows.length}
              style={{ transform: `translateY(${start}px)` }}
            >
              <EventRow
                event={event}
                isOpen={open.has(event.seq)}
                onToggle={() => toggle(event.seq)}
                onNarrow={onNarrow}
              />
            </li>
          );
        })}
      </ol>
    </div>
  );
}
