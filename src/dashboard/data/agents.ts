import { queryOptions } from '@tanstack/react-query';
import { api, read } from './client.ts';

export const agentsQuery = queryOptions({
  queryKey: ['agents', 'list'],
  queryFn: () => read(api.agents.$get({})),
});
