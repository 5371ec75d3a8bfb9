import { useRef } from 'react';
import { useFilters } from '../../data/url-filters.ts';
import { Page, Panel } from '../../ui/panel.tsx';
import { Chain } from './chain.tsx';
import { EventTail } from './event-tail.tsx';
import { Filters } from './filters.tsx';
import { type EventFilters, FILTER_NAMES } from './matches.ts';

/** The log: what happened, as it happens, and whether it is what was sealed. */
export function Events() {
  const { filters, set } = useFilters(FILTER_NAMES);
  const takesFocus = useRef(false);
  const narrow = (to: EventFilters) => {
    takesFocus.current = true;
    for (const name of FILTER_NAMES) set(name, to[name] ?? '');
  };
  return (
    <Page title="Events">
      <Chain />
      <Panel title="The log, the newest first">
        <Filters filters={filters} onSet={set} />
        <EventTail
          key={JSON.stringify(FILTER_NAMES.map((name) => filters[name]))}
          filters={filters}
          takesFocus={takesFocus}
          onNarrow={narrow}
        />
      </Panel>
    </Page>
  );
}
