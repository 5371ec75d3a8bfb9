import { queryOptions } from '@tanstack/react-query';
import { AppError, messagesOf } from 'opsloop/client';
import { api, client, read } from '../../data/client.ts';
import type { Progress, Verdict } from '../../data/types.ts';
import type { EventFilters } from './matches.ts';
import type { EventPage } from './tail.ts';

const FIRST_PAGE = '100';
const OLDER_PAGE = '500';

/** One page of the log, the newest first. The tail keeps it, because the stream of events goes on where it ends. */
export function readEvents(filters: EventFilters, cursor: string | undefined): Promise<EventPage> {
  const limit = cursor === undefined ? FIRST_PAGE : OLDER_PAGE;
  const query = { ...filters, limit, ...(cursor === undefined ? {} : { cursor }) };
  // What is typed into the address can be no entity; the server says so.
  return read(api.events.$get({ query: query as Parameters<typeof api.events.$get>[0]['query'] }));
}

/** The end of the chain: it moves with every event, which the rest of health does not. */
export const chainQuery = queryOptions({
  queryKey: ['chain'],
  queryFn: () => read(api.health.$get({})),
  select: ({ events }) => events,
});

/** Has the server hold the whole log against its seals. Aborting ends its work too. */
export async function verifyLog(
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
): Promise<Verdict> {
  const response = await client.fetch('/api/ops/events/verify', {
    method: 'POST',
    headers: { accept: 'text/event-stream', 'content-type': 'application/json' },
    body: '{}',
    signal,
  });
  for await (const { event, data } of messagesOf(response)) {
    if (event === 'progress') onProgress(JSON.parse(data) as Progress);
    if (event === 'verdict') return JSON.parse(data) as Verdict;
    if (event === 'error') throw new AppError('internal', (JSON.parse(data) as { message: string }).message);
  }
  throw new AppError('internal', 'The connection ended before the verdict. Verify again.');
}
