import { infiniteQueryOptions, mutationOptions, queryOptions } from '@tanstack/react-query';
import { AppError } from 'opsloop/client';
import { api, client, read } from '../../data/client.ts';
import { queries } from '../../data/query-cache.ts';
import type { FilesStatus } from '../../data/types.ts';

const older = client.api.api;

/** The workspace as this server sees it; null where the process has none. */
export const statusQuery = queryOptions({
  queryKey: ['files', 'status'],
  queryFn: async (): Promise<FilesStatus | null> => {
    try {
      return await read(api.files.status.$get({}));
    } catch (error) {
      if (error instanceof AppError && error.code === 'conflict') return null;
      throw error;
    }
  },
});

export type FileFilters = { stem?: string; status?: string };

export const taskFilesQuery = ({ stem, status }: FileFilters) =>
  infiniteQueryOptions({
    queryKey: ['files', 'list', { stem, status }],
    initialPageParam: '',
    queryFn: ({ pageParam }) =>
      read(
        api.files.$get({
          query: {
            ...(stem === undefined ? {} : { stem }),
            ...(status === 'open' || status === 'finished' ? { status } : {}),
            ...(pageParam === '' ? {} : { cursor: pageParam }),
          },
        }),
      ),
    getNextPageParam: ({ next }) => next,
  });

export type Folder = 'inbox' | 'outputs';

/** What lies in a folder. Nobody tells of each file that is put there, so it says when it was read. */
export const folderQuery = (folder: Folder) =>
  queryOptions({ queryKey: ['files', folder], queryFn: () => read(older[folder].$get({})) });

export const outputQuery = (name: string) =>
  queryOptions({
    // What was written stays as it is.
    queryKey: ['output', name],
    // The client puts the name into the path as it is.
    queryFn: () => read(older.out[':name'].$get({ param: { name: encodeURIComponent(name) } })),
  });

export const commandsQuery = queryOptions({
  queryKey: ['proposals', 'commands'],
  queryFn: () =>
    read(
      api.proposals.$get({
        query: { kind: 'exec', status: 'pending', oldest: 'true', slim: 'true', limit: '50' },
      }),
    ),
});

/** A file can lie in the inbox for a while before the log tells of it. */
const readFolders = () => queries.invalidateQueries({ queryKey: ['files'] });

export const submitting = mutationOptions({
  mutationFn: (task: { name: string; text: string }) => read(older.submit.$post({ json: task })),
  onSuccess: readFolders,
});

export const resuming = mutationOptions({
  mutationFn: () => read(api.files.resume.$post({ json: {} })),
  onSuccess: readFolders,
});
