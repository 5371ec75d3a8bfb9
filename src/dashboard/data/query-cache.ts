import { MutationCache, QueryClient } from '@tanstack/react-query';
import { AppError } from 'opsloop/client';

const MOST_RETRIES = 3;

/**
 * What the server said, until an event says that it may be different. Nothing is polled, and nothing is read again
 * because a window was looked at: the stream of events tells (see live.ts).
 */
export const queries: QueryClient = new QueryClient({
  // What somebody did here is seen at once, whether or not the stream is there to tell.
  mutationCache: new MutationCache({ onSuccess: () => void queries.invalidateQueries() }),
  defaultOptions: {
    queries: {
      staleTime: Number.POSITIVE_INFINITY,
      refetchOnWindowFocus: false,
      refetchOnReconnect: false,
      networkMode: 'always',
      retry: (failures, error) =>
        failures < MOST_RETRIES &&
        error instanceof AppError &&
        error.status >= 500 &&
        error.code !== 'internal',
    },
    mutations: { networkMode: 'always' },
  },
});
