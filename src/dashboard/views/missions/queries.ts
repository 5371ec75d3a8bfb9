import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { api, read } from '../../data/client.ts';
import type { Answered, Mission } from '../../data/types.ts';

export type Filters = { status?: string; agent_id?: string; q?: string };

export const missionsQuery = (filters: Filters) =>
  infiniteQueryOptions({
    queryKey: ['missions', 'list', filters],
    queryFn: ({ pageParam }) =>
      read(
        api.missions.$get({
          query: {
            ...filters,
            status: filters.status as Mission['status'],
            limit: '50',
            ...(pageParam === null ? {} : { cursor: pageParam }),
          },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: ({ next }) => next,
  });

export const missionQuery = (id: string) =>
  queryOptions({
    queryKey: ['missions', 'one', id],
    queryFn: () => read(api.missions[':id'].$get({ param: { id } })),
  });

export const whyQuery = (id: string) =>
  queryOptions({
    queryKey: ['missions', 'why', id],
    queryFn: () => read(api.missions[':id'].why.$get({ param: { id } })),
  });

export const attemptsQuery = (id: string) =>
  queryOptions({
    queryKey: ['missions', 'attempts', id],
    queryFn: () => read(api.missions[':id'].attempts.$get({ param: { id } })),
  });

/** The newest events of a proposal, its missions and its steps. */
export const threadQuery = (proposalId: string) =>
  queryOptions({
    queryKey: ['missions', 'thread', proposalId],
    queryFn: () => read(api.events.$get({ query: { proposal_id: proposalId, limit: '100' } })),
  });

export const ofProposalQuery = (proposalId: string) =>
  queryOptions({
    queryKey: ['missions', 'of', proposalId],
    queryFn: () => read(api.missions.$get({ query: { proposal_id: proposalId, limit: '20' } })),
  });

export type Attempt = Answered<(typeof api.missions)[':id']['attempts']['$get']>['attempts'][number];

export function cancel(id: string, reason: string) {
  return read(api.missions[':id'].cancel.$post({ param: { id }, json: reason === '' ? {} : { reason } }));
}

export function retry(id: string) {
  return read(api.missions[':id'].retry.$post({ param: { id }, json: {} }));
}
