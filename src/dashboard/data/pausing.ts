import { mutationOptions } from '@tanstack/react-query';
import { api, read } from './client.ts';

/** Everybody is null. */
type Whom = string | null;
const bodyOf = (whom: Whom) => ({ json: whom === null ? {} : { agent_id: whom } });

export const pausing = mutationOptions({
  mutationFn: (whom: Whom) => read(api.pause.$post(bodyOf(whom))),
});

export const resuming = mutationOptions({
  mutationFn: (whom: Whom) => read(api.resume.$post(bodyOf(whom))),
});
