import { createRoute, z } from '@hono/zod-openapi';
import { findAgent, unknownAgent } from '../../agents/agents.ts';
import type { App } from '../../app.ts';
import { AppError } from '../../errors.ts';
import { Name } from '../../lib/name.ts';
import { listPolicy, setPaused, setPolicy } from '../../policy/policy.ts';
import { POLICY_KEYS, POLICY_MEANING, type PolicyRow } from '../../policy/schema.ts';
import { needs } from '../access.ts';
import { makeRouter } from '../env.ts';
import { strict } from '../refuse-invalid.ts';
import { body, json, optionalBody } from '../schemas/common.ts';
import { Paused, PolicyEntry } from '../schemas/installation.ts';

const KeyParam = strict({ key: z.string().max(64) });
const Value = z.unknown().refine((value) => value !== undefined, 'is missing');
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
  request: { params: KeyParam, body: body(strict({ value: Value })) },
  responses: { 200: json(z.object({ policy: PolicyEntry }), 'The key and its new value') },
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
      const { value } = c.req.valid('json');
      const row = await setPolicy(database, c.req.valid('param').key, value, c.get('caller').by);
      return c.json({ policy: withMeaning(row) }, 200);
    })
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

function withMeaning(row: PolicyRow) {
  const meanings: Record<string, string> = POLICY_MEANING;
  return { ...row, meaning: meanings[row.key] ?? '' };
}
