import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../../app.ts';
import { createKey, listKeys, revokeKey } from '../../keys/keys.ts';
import { KeyInput } from '../../keys/schema.ts';
import { needs } from '../access.ts';
import { makeRouter } from '../env.ts';
import { strict } from '../refuse-invalid.ts';
import { body, json } from '../schemas/common.ts';
import { Key, NewKey } from '../schemas/installation.ts';

const list = createRoute({
  method: 'get',
  path: '/api/ops/keys',
  summary: 'List keys, without their secrets',
  ...needs('admin'),
  responses: { 200: json(z.object({ keys: z.array(Key) }), 'The keys') },
});

const create = createRoute({
  method: 'post',
  path: '/api/ops/keys',
  summary: 'Make a key',
  ...needs('admin'),
  request: { body: body(strict(KeyInput.shape)) },
  responses: { 201: json(NewKey, 'The key; its text is in this answer and nowhere else') },
});

const revoke = createRoute({
  method: 'delete',
  path: '/api/ops/keys/{key_id}',
  summary: 'Revoke a key, from now on',
  ...needs('admin'),
  request: {
    params: strict({
      key_id: z.string().regex(/^[A-Za-z0-9]{1,32}$/, 'letters and digits'),
    }),
  },
  responses: { 200: json(Key, 'The revoked key') },
});

export function keyRoutes({ database }: App) {
  return makeRouter()
    .openapi(list, async (c) => c.json({ keys: await listKeys(database) }, 200))
    .openapi(create, async (c) => {
      const { key, row } = await createKey(database, c.req.valid('json'), c.get('caller').by);
      return c.json({ key, ...row }, 201);
    })
    .openapi(revoke, async (c) =>
      c.json(await revokeKey(database, c.req.valid('param').key_id, c.get('caller').by), 200),
    );
}
