import { queryOptions } from '@tanstack/react-query';
import { api, read } from '../../data/client.ts';
import type { Answered } from '../../data/types.ts';

export const loopQuery = queryOptions({
  queryKey: ['loop'],
  queryFn: () => read(api.loop.$get({})),
});

export const attentionQuery = queryOptions({
  queryKey: ['attention'],
  queryFn: () => read(api.attention.$get({})),
});

export const capsQuery = queryOptions({
  queryKey: ['caps'],
  queryFn: () => read(api.caps.$get({})),
});

export type Window = Stats['window'];

export const statsQuery = (window: Window) =>
  queryOptions({
    queryKey: ['stats', window],
    queryFn: () => read(api.stats.$get({ query: { window } })),
  });

export type LoopCounts = Answered<typeof api.loop.$get>;
export type Attention = Answered<typeof api.attention.$get>;
export type Stats = Answered<typeof api.stats.$get>;
export type Caps = Answered<typeof api.caps.$get>;
