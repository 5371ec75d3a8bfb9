import { createRoute, z } from '@hono/zod-openapi';
import { findAgent, unknownAgent } from '../../agents/agents.ts';
import type { App } from '../../app.ts';
import { AppError } from '../../errors.ts';
import { encodeCursor } from '../../lib/cursor.ts';
import { Name } from '../../lib/name.ts';
import { previewPolicy } from '../../loop/preview.ts';
import { listPolicy, policyHistory, setPaused, setPolicy } from '../../policy/policy.ts';
import {
  POLICY_KEYS,
  POLICY_MEANING,
  type PolicyKey,
  type PolicyRow,
  policyJsonSchema,
} from '../../policy/schema.ts';
import { needs } from '../access.ts';
import { makeRouter } from '../env.ts';
import { numberOfCursor, pageOf } from '../page.ts';
import { strict } from '../refuse-invalid.ts';
import { body, json, Next, optionalBody, Time } from '../schemas/common.ts';
import { Paused, PolicyChange, PolicyEntry } from '../schemas/installation.ts';
import { Preview } from '../schemas/preview.ts';

const KeyParam = strict({ key: z.string().max(64) });
const Value = z.unknown().refine((value) => value !== undefined, 'is missing');
const IfUpdatedAt = Time.nullable().optional().openapi({
  description:
    '`updated_at` of the value that the change began from: when another one stands by now, nothing is set (409). Not for `paused`.',
});
const Whom = optionalBody(
  strict({ agent_id: Name.optional().openapi({ description: 'One agent; everybody when left out.' }) }),
);

const list = createRoute({
  method: 'get',
  path: '/api/ops/policy',
  summary: 'List the policy',
  ...needs('read', { agents: 'own' }),
  responses: { 200: json(z.object({ policy: z.array(PolicyEntry) }), 'The whole policy') },
});

const one = createRoute({
  method: 'get',
  path: '/api/ops/policy/{key}',
  summary: 'Show one key of the policy',
  ...needs('read', { agents: 'own' }),
  request: { params: KeyParam },
  responses: { 200: json(z.object({ policy: PolicyEntry }), 'The key and its value') },
});

const set = createRoute({
  method: 'put',
  path: '/api/ops/policy/{key}',
  summary: 'Set one key of the policy',
  ...needs('admin'),
  request: {
    params: KeyParam,
    body: body(strict({ value: Value, if_updated_at: IfUpdatedAt }).openapi({ required: ['value'] })),
  },
  responses: { 200: json(z.object({ policy: PolicyEntry }), 'The key and its new value') },
});

const history = createRoute({
  method: 'get',
  path: '/api/ops/policy/{key}/history',
  summary: 'List the changes of one key of the policy, the newest first',
  ...needs('read', { query: true }),
  request: { params: KeyParam, query: strict(pageOf(200, 50)) },
  responses: { 200: json(z.object({ changes: z.array(PolicyChange), next: Next }), 'A page of changes') },
});

const preview = createRoute({
  method: 'post',
  path: '/api/ops/policy/{key}/preview',
  summary: 'Say what another value of one key would do',
  description:
    "Replays today's proposals and those of the 7 days before, the newest whole days of 50,000 at most, under the policy as it stands and under the changed one. One at a time. Nothing is stored.",
  ...needs('read'),
  request: { params: KeyParam, body: body(strict({ value: Value }).openapi({ required: ['value'] })) },
  responses: { 200: json(Preview, 'What would become of them') },
});

const pause = createRoute({
  method: 'post',
  path: '/api/ops/pause',
  summary: 'Pause everybody, or one agent',
  ...needs('admin'),
  request: { body: Whom },
  responses: { 200: json(z.object({ paused: Paused }), 'Who is paused now') },
});

const resume = createRoute({
  method: 'post',
  path: '/api/ops/resume',
  summary: 'Let everybody, or one agent, go on',
  ...needs('admin'),
  request: { body: Whom },
  responses: { 200: json(z.object({ paused: Paused }), 'Who is still paused') },
});

export function policyRoutes({ database }: App) {
  return makeRouter()
    .openapi(list, async (c) => c.json({ policy: (await listPolicy(database)).map(withMeaning) }, 200))
    .openapi(one, async (c) => {
      const { key } = c.req.valid('param');
      const row = (await listPolicy(database)).find((candidate) => candidate.key === key);
      if (!row)
        throw new AppError(
          'not_found',
          `There is no policy "${key}". The keys are ${POLICY_KEYS.join(', ')}.`,
        );
      return c.json({ policy: withMeaning(row) }, 200);
    })
    .openapi(set, async (c) => {
      const { value, if_updated_at: seen } = c.req.valid('json');
      const row = await setPolicy(
        database,
        c.req.valid('param').key,
        value,
        c.get('caller').by,
        typeof seen === 'string' ? new Date(seen) : seen,
      );
      return c.json({ policy: withMeaning(row) }, 200);
    })
    .openapi(history, async (c) => {
      const { cursor, limit } = c.req.valid('query');
      const page = { beforeId: numberOfCursor(cursor), limit };
      const { changes, next } = await policyHistory(database, c.req.valid('param').key, page);
      const shown = changes.map(({ id: _id, ...change }) => change);
      return c.json({ changes: shown, next: next === null ? null : encodeCursor(next) }, 200);
    })
    .openapi(preview, async (c) =>
      c.json(await previewPolicy(database, c.req.valid('param').key, c.req.valid('json').value), 200),
    )
    .openapi(pause, async (c) => {
      const { agent_id } = c.req.valid('json');
      if (agent_id !== undefined && !(await findAgent(database, agent_id))) throw unknownAgent(agent_id);
      return c.json({ paused: await setPaused(database, true, agent_id, c.get('caller').by) }, 200);
    })
    .openapi(resume, async (c) => {
      const { agent_id } = c.req.valid('json');
      return c.json({ paused: await setPaused(database, false, agent_id, c.get('caller').by) }, 200);
    });
}

/** A key that this program does not know, of another version, has no meaning here and takes any value. */
function withMeaning(row: PolicyRow) {
  const known = POLICY_KEYS.find((key): key is PolicyKey => key === row.key);
  return {
    ...row,
    meaning: known ? POLICY_MEANING[known] : '',
    schema: known ? policyJsonSchema(known) : {},
  };
}
