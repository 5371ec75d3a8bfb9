import { queryOptions } from '@tanstack/react-query';
import { api, read } from './client.ts';

export const healthQuery = queryOptions({
  queryKey: ['health'],
  queryFn: () => read(api.health.$get({})),
});
