import { mutationOptions, queryOptions } from '@tanstack/react-query';
import { api, read } from '../../data/client.ts';

export const workersQuery = queryOptions({
  queryKey: ['workers'],
  queryFn: () => read(api.workers.$get({})),
  select: ({ workers }) => workers,
});

/** Most running steps that are shown with their names; the figures count all of them. */
const MOST_STEPS = '200';

export const runningQuery = queryOptions({
  queryKey: ['steps', 'running'],
  queryFn: () => read(api.steps.$get({ query: { status: 'running', slim: 'true', limit: MOST_STEPS } })),
  select: ({ steps }) => steps,
});

export const beatsQuery = queryOptions({
  queryKey: ['beats'],
  queryFn: () => read(api.beats.$get({ query: {} })),
  select: ({ beats }) => beats,
});

export const beating = mutationOptions({ mutationFn: () => read(api.heartbeat.$post({ json: {} })) });
