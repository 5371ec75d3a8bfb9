import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../../app.ts';
import { AppError, toError } from '../../errors.ts';
import { eventsHead, followEvents } from '../../events/events.ts';
import { needs } from '../access.ts';
import { makeRouter } from '../env.ts';
import { readKey } from '../middleware/authenticate.ts';
import type { HttpParts } from '../parts.ts';
import { strict } from '../refuse-invalid.ts';
import { openEventStream } from '../stream/event-stream.ts';
import { errorText, pieces, placeText, setStreamHeaders } from '../stream/sse.ts';
import { EVENT_FILTERS, toEventFilter } from './events.ts';

const SEQ = /^\d{1,15}$/;

const stream = createRoute({
  method: 'get',
  path: '/api/ops/events/stream',
  summary: 'Follow the log of events',
  description:
    'Server-sent events without gap or repetition: `id` is the place in the log. A connection that broke goes on after `Last-Event-ID`.',
  ...needs('read', { agents: 'own', query: true }),
  request: {
    query: strict({
      ...EVENT_FILTERS,
      after: z.string().regex(SEQ, 'a number, as `seq` of an event').optional().openapi({
        description: 'Begin after this place; 0 is the beginning. Left out: only what comes from now on.',
      }),
    }),
    headers: z.object({ 'last-event-id': z.string().optional() }),
  },
  responses: {
    200: { description: 'The events', content: { 'text/event-stream': { schema: z.string() } } },
  },
});

export function eventStreamRoute(app: App, { streams, times }: HttpParts) {
  return makeRouter().openapi(stream, async (c) => {
    const { after, ...filters } = c.req.valid('query');
    const lastId = c.req.valid('header')['last-event-id'];
    if (lastId !== undefined && !SEQ.test(lastId))
      throw new AppError('invalid_request', 'The header Last-Event-ID must be the id of an event.');
    const caller = c.get('caller');
    const key = readKey(c.get('wire').values('authorization'));
    const place = lastId ?? after;
    const { seq: head } = await eventsHead(app.database);
    const afterSeq = place === undefined ? head : Number(place);
    // A reader of another database, or of this one before it was reset, would wait for ever.
    if (afterSeq > head) {
      throw new AppError(
        'invalid_cursor',
        `The log ends at ${head}, before ${afterSeq}. Begin again with after=0.`,
      );
    }
    const filter = toEventFilter(filters, caller);
    setStreamHeaders(c);
    if (c.req.method === 'HEAD') return c.body(null, 200);
    streams.requireRoom(caller);

    let throughSeq = afterSeq;
    const opened = openEventStream({
      async *follow(signal) {
        for await (const chunk of followEvents(app.database, filter, afterSeq, signal)) {
          throughSeq = chunk.throughSeq;
          yield pieces(chunk.events);
        }
      },
      greeting: `retry: 1000\n${placeText('the log of opsloop', afterSeq)}`,
      ping: () => placeText('ping', throughSeq),
      times,
      isStillAllowed: async () => {
        const now = await app.authenticate(key);
        return now !== null && now.scopes.includes('read') && now.agentId === caller.agentId;
      },
      cut: () => void c.env.outgoing?.destroy(),
      onFailure(error) {
        app.log.error({ err: toError(error) }, 'an event stream failed');
        return errorText('internal', 'The stream failed; connect again with Last-Event-ID.');
      },
      onOver: streams.remove,
    });
    streams.add(opened.stream, caller);
    return c.body(opened.body, 200);
  });
}
