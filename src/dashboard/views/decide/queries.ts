import { api, read } from '../../data/client.ts';

/** Only the link's secret opens these; a session of this browser is left out of it. */
const by = (secret: string) => ({ headers: { authorization: `Bearer ${secret}` } });

export const linkQuery = (secret: string) => ({
  queryKey: ['decision-link'],
  queryFn: () => read(api.decision.$get({}, by(secret))),
  // Once it has decided, it opens nothing any more: it is not read again.
  staleTime: 'static' as const,
});

export function decide(secret: string, decision: 'approve' | 'reject', reason: string) {
  return read(api.decision.$post({ json: { decision, ...(reason === '' ? {} : { reason }) } }, by(secret)));
}
