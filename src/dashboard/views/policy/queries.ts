import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { api, read } from '../../data/client.ts';
import type { Answered } from '../../data/types.ts';

export const policyQuery = queryOptions({
  queryKey: ['policy', 'all'],
  queryFn: () => read(api.policy.$get({})),
});

export const historyQuery = (key: string) =>
  infiniteQueryOptions({
    queryKey: ['policy', 'history', key],
    queryFn: ({ pageParam }) =>
      read(
        api.policy[':key'].history.$get({
          param: { key },
          query: { limit: '20', ...(pageParam === null ? {} : { cursor: pageParam }) },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: ({ next }) => next,
  });

export type Preview = Answered<(typeof api.policy)[':key']['preview']['$post']>;

export function preview(key: string, value: unknown) {
  return read(api.policy[':key'].preview.$post({ param: { key }, json: { value } }));
}

/** @param seen when the value was set from which the change began: another one that stands by now is not lost */
export function save(key: string, value: unknown, seen: string | null) {
  // A pause waits for nobody.
  const json = key === 'paused' ? { value } : { value, if_updated_at: seen };
  return read(api.policy[':key'].$put({ param: { key }, json }));
}
