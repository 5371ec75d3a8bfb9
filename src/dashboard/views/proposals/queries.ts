import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { api, read } from '../../data/client.ts';
import type { Answered, Proposal } from '../../data/types.ts';

export type Filters = { status?: string; kind?: string; agent_id?: string; q?: string };

/** What waits for a decision comes the oldest first, everything else the newest. */
export const proposalsQuery = (filters: Filters) =>
  infiniteQueryOptions({
    queryKey: ['proposals', 'list', filters],
    queryFn: ({ pageParam }) =>
      read(
        api.proposals.$get({
          query: {
            ...filters,
            status: filters.status as Proposal['status'],
            slim: 'true',
            limit: '50',
            ...(filters.status === 'pending' ? { oldest: 'true' } : {}),
            ...(pageParam === null ? {} : { cursor: pageParam }),
          },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: ({ next }) => next,
  });

export const proposalQuery = (id: string) =>
  queryOptions({
    queryKey: ['proposals', 'one', id],
    queryFn: () => read(api.proposals[':id'].$get({ param: { id } })),
  });

export const whyQuery = (id: string) =>
  queryOptions({
    queryKey: ['proposals', 'why', id],
    queryFn: () => read(api.proposals[':id'].why.$get({ param: { id } })),
  });

export type OneProposal = Answered<(typeof api.proposals)[':id']['$get']>;

export type Edit = { title?: string; body?: string | null };

export function approve(id: string, given: { reason?: string } & Edit) {
  return read(api.proposals[':id'].approve.$post({ param: { id }, json: given }));
}

export function reject(id: string, reason: string) {
  return read(api.proposals[':id'].reject.$post({ param: { id }, json: reason === '' ? {} : { reason } }));
}

export function propose(json: { agent_id: string; kind: string; title: string; body: string | null }) {
  return read(api.proposals.$post({ header: {}, json }));
}
