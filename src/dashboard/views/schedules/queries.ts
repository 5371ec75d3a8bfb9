import { infiniteQueryOptions, mutationOptions, queryOptions } from '@tanstack/react-query';
import type { InferRequestType } from 'hono/client';
import { api, read } from '../../data/client.ts';
import type { Answered } from '../../data/types.ts';

const of = api.schedules[':name'];

export type Schedule = Answered<typeof api.schedules.$get>['schedules'][number];
export type NewSchedule = InferRequestType<typeof api.schedules.$post>['json'];

export const schedulesQuery = infiniteQueryOptions({
  queryKey: ['schedules', 'list'],
  queryFn: ({ pageParam }) =>
    read(api.schedules.$get({ query: { limit: '50', ...(pageParam ? { cursor: pageParam } : {}) } })),
  initialPageParam: '',
  getNextPageParam: ({ next }) => next,
});

export function scheduleQuery(name: string) {
  return queryOptions({
    queryKey: ['schedules', 'one', name],
    queryFn: () => read(of.$get({ param: { name } })),
  });
}

export const pausingSchedule = mutationOptions({
  mutationFn: ({ name, paused }: Pick<Schedule, 'name' | 'paused'>) =>
    read(of[paused ? 'resume' : 'pause'].$post({ param: { name }, json: {} })),
});

export function addSchedule(json: NewSchedule) {
  return read(api.schedules.$post({ json }));
}

export function removeSchedule(name: string) {
  return read(of.$delete({ param: { name } }));
}
