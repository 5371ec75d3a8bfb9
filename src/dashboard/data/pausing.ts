import { mutationOptions } from '@tanstack/react-query';
import { api, read } from './client.ts';
import { healthQuery } from './health.ts';
import { queries } from './query-cache.ts';
import type { Health } from './types.ts';

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
