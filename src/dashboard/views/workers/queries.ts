import { mutationOptions, queryOptions } from '@tanstack/react-query';
import { api, read } from '../../data/client.ts';
import { healthQuery } from '../../data/health.ts';
import { queries } from '../../data/query-cache.ts';
import type { Health } from '../../data/types.ts';

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

/** Everybody is null. */
type Whom = string | null;
const bodyOf = (whom: Whom) => ({ json: whom === null ? {} : { agent_id: whom } });

/** Who is paused is in the answer; health itself is read again some seconds later. */
const keepPaused = ({ paused }: { paused: Health['paused'] }) => {
  queries.setQueryData(healthQuery.queryKey, (health) => health && { ...health, paused });
};

export const pausing = mutationOptions({
  mutationFn: (whom: Whom) => read(api.pause.$post(bodyOf(whom))),
  onSuccess: keepPaused,
});

export const resuming = mutationOptions({
  mutationFn: (whom: Whom) => read(api.resume.$post(bodyOf(whom))),
  onSuccess: keepPaused,
});
