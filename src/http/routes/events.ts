import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../../app.ts';
import { listEvents } from '../../events/events.ts';
import { ENTITIES, type EventFilter } from '../../events/schema.ts';
import type { Caller } from '../../keys/schema.ts';
import { encodeCursor } from '../../lib/cursor.ts';
import { needs } from '../access.ts';
import { makeRouter } from '../env.ts';
import { numberOfCursor, pageOf } from '../page.ts';
import { strict } from '../refuse-invalid.ts';
import { EntityFilter, IdFilter, json, Next } from '../schemas/common.ts';
import { Event } from '../schemas/rows.ts';

/** The query members that choose events, in the list and in the stream. */
export const EVENT_FILTERS = {
  kind: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,100}$/, 'a kind such as step.failed, or a prefix that ends with a dot')
    .optional()
    .openapi({ description: 'A kind, or a prefix that ends with a dot: `step.`' }),
  entity: z.enum(ENTITIES).optional(),
  entity_id: EntityFilter,
  proposal_id: IdFilter,
};

type Filters = { [K in keyof typeof EVENT_FILTERS]?: z.infer<(typeof EVENT_FILTERS)[K]> };

/** An agent sees the events of its own proposals, its own reports, and no others. */
export function toEventFilter(query: Filters, caller: Caller): EventFilter {
  return {
    kind: query.kind,
    entity: query.entity,
    entityId: query.entity_id,
    proposalId: query.proposal_id,
    agentId: caller.agentId ?? undefined,
  };
}

const list = createRoute({
  method: 'get',
  path: '/api/ops/events',
  summary: 'List events, the newest first',
  description: 'With a filter that matches little, a page can be short or empty and still have a next one.',
  ...needs('read', { agents: 'own', query: true }),
  request: { query: strict({ ...EVENT_FILTERS, ...pageOf(500, 100) }) },
  responses: { 200: json(z.object({ events: z.array(Event), next: Next }), 'A page of events') },
});

export function eventRoutes({ database }: App) {
  return makeRouter().openapi(list, async (c) => {
    const query = c.req.valid('query');
    const page = { beforeSeq: numberOfCursor(query.cursor), limit: query.limit };
    const { events, next } = await listEvents(database, toEventFilter(query, c.get('caller')), page);
    return c.json({ events, next: next === null ? null : encodeCursor(next) }, 200);
  });
}
