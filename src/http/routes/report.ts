import { createHash } from 'node:crypto';
import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../../app.ts';
import { storeReport } from '../../loop/report.ts';
import { needs } from '../access.ts';
import { makeRouter } from '../env.ts';
import { strict } from '../refuse-invalid.ts';
import { body, json } from '../schemas/common.ts';
import { IdempotencyKey } from './propose.ts';

const MOST_EVENTS = 100;
const HOW_MANY = `1 to ${MOST_EVENTS} events fit into one report; send the others in another one`;
const MOST_PAYLOAD_BYTES = 16_384;
const KIND = /^(file|agent)\.[a-z0-9_]{1,60}(\.[a-z0-9_]{1,60})?$/;

const Kind = z.string().regex(KIND, {
  error: ({ input }) =>
    `${JSON.stringify(input).slice(0, 100)} cannot be reported; a kind is "file." or "agent." and one or two words of 1 to 60 of a-z, 0-9 and "_", such as file.task_created`,
});

const sizeOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value));
const Payload = z
  .record(z.string(), z.unknown())
  .refine((payload) => sizeOf(payload) <= MOST_PAYLOAD_BYTES, {
    error: ({ input }) =>
      `has ${sizeOf(input)} bytes of JSON and may have ${MOST_PAYLOAD_BYTES}; leave out what is large, or name where it is`,
  })
  .openapi({ description: `At most ${MOST_PAYLOAD_BYTES} bytes of JSON. \`cause\` is set by the server.` });

/** One object and no union, so that a refusal names the member that is wrong; the document says which go together. */
const Report = strict({
  kind: Kind.optional(),
  payload: Payload.optional(),
  events: z
    .array(strict({ kind: Kind, payload: Payload.optional() }))
    .min(1, HOW_MANY)
    .max(MOST_EVENTS, HOW_MANY)
    .optional(),
})
  .refine(({ kind, payload, events }) => (events ? !kind && !payload : kind), {
    error: `give either one event as "kind" and "payload", or "events" with 1 to ${MOST_EVENTS} of those`,
  })
  .openapi('Report', { oneOf: [{ required: ['kind'] }, { required: ['events'] }] });

const report = createRoute({
  method: 'post',
  path: '/api/ops/events',
  summary: 'Report what a program did',
  description: 'All of a report is stored, in its order, or nothing. The log says whose key reported it.',
  ...needs('emit', { agents: 'own' }),
  request: { headers: z.object({ 'idempotency-key': IdempotencyKey }), body: body(Report) },
  responses: { 201: json(z.object({ accepted: z.number().int() }), 'How many events the report has') },
});

export function reportRoute({ database }: App) {
  return makeRouter().openapi(report, async (c) => {
    const caller = c.get('caller');
    const { kind = '', payload, events = [{ kind, payload }] } = c.req.valid('json');
    const given = events.map((event) => ({ kind: event.kind, payload: event.payload ?? {} }));
    const key = c.req.valid('header')['idempotency-key'];
    const digest = createHash('sha256')
      .update(JSON.stringify({ report: given }))
      .digest('hex');
    const { accepted, repeated } = await storeReport(database, {
      caller,
      events: given,
      ...(key === undefined ? {} : { idempotency: { owner: caller.keyId, key, digest } }),
    });
    if (repeated) c.header('Idempotent-Replayed', 'true');
    return c.json({ accepted }, 201);
  });
}
