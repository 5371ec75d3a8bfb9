import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../../app.ts';
import { listAlerts } from '../../alerts/alerts.ts';
import { Name } from '../../lib/name.ts';
import { DELIVERY_STATES, WebhookInput } from '../../webhooks/schema.ts';
import {
  listDeliveries,
  listWebhooks,
  removeWebhook,
  retryDelivery,
  testWebhook,
} from '../../webhooks/webhooks.ts';
import { storeWebhook } from '../../webhooks/store.ts';
import { needs } from '../access.ts';
import { makeRouter } from '../env.ts';
import { idOfCursor, pageOf, toNext } from '../page.ts';
import { strict } from '../refuse-invalid.ts';
import { body, IdParam, json, Next, optionalBody } from '../schemas/common.ts';
import { Alert, Call, StoredWebhook, Webhook } from '../schemas/webhooks.ts';

const NameParam = strict({ name: Name });
const { name: _, ...members } = WebhookInput.shape;

const alerts = createRoute({
  method: 'get',
  path: '/api/ops/alerts',
  summary: 'Say what is not as it should be right now, and since when',
  ...needs('read'),
  responses: { 200: json(z.object({ alerts: z.array(Alert) }), 'The oldest first') },
});

const list = createRoute({
  method: 'get',
  path: '/api/ops/webhooks',
  summary: 'List webhooks',
  ...needs('read'),
  responses: { 200: json(z.object({ webhooks: z.array(Webhook) }), 'By name') },
});

const put = createRoute({
  method: 'put',
  path: '/api/ops/webhooks/{name}',
  summary: 'Make a webhook, or change it to this',
  ...needs('admin'),
  request: { params: NameParam, body: body(strict(members)) },
  responses: { 200: json(StoredWebhook, 'The webhook') },
});

const remove = createRoute({
  method: 'delete',
  path: '/api/ops/webhooks/{name}',
  summary: 'Remove a webhook, and its calls with it',
  ...needs('admin'),
  request: { params: NameParam },
  responses: { 200: json(z.object({ webhook: Webhook }), 'What was removed') },
});

const test = createRoute({
  method: 'post',
  path: '/api/ops/webhooks/{name}/test',
  summary: 'Send a call that says it is a test',
  ...needs('admin'),
  request: { params: NameParam, body: optionalBody(strict({})) },
  responses: {
    202: json(z.object({ delivery_id: z.uuid() }), 'It is on its way; its call tells how it went'),
  },
});

const calls = createRoute({
  method: 'get',
  path: '/api/ops/webhooks/{name}/calls',
  summary: 'List the calls of a webhook, the newest first',
  ...needs('read', { query: true }),
  request: {
    params: NameParam,
    query: strict({ status: z.enum(DELIVERY_STATES).optional(), ...pageOf(200, 50) }),
  },
  responses: { 200: json(z.object({ calls: z.array(Call), next: Next }), 'A page of calls') },
});

const retry = createRoute({
  method: 'post',
  path: '/api/ops/webhook-calls/{id}/retry',
  summary: 'Try a call that was given up anew',
  ...needs('admin'),
  request: { params: IdParam, body: optionalBody(strict({})) },
  responses: { 200: json(z.object({ call: Call }), 'It waits for its first try') },
});

export function webhookRoutes(app: App) {
  const { database } = app;
  return makeRouter()
    .openapi(alerts, async (c) => c.json({ alerts: await listAlerts(database) }, 200))
    .openapi(list, async (c) => c.json({ webhooks: await listWebhooks(database) }, 200))
    .openapi(put, async (c) => {
      const input = { ...c.req.valid('json'), name: c.req.valid('param').name };
      return c.json(await storeWebhook(app, input, c.get('caller')), 200);
    })
    .openapi(remove, async (c) => {
      const { name } = c.req.valid('param');
      return c.json({ webhook: await removeWebhook(app, name, c.get('caller').by) }, 200);
    })
    .openapi(test, async (c) => c.json(await testWebhook(database, c.req.valid('param').name), 202))
    .openapi(calls, async (c) => {
      const { status, limit, cursor } = c.req.valid('query');
      const page = { status, beforeId: idOfCursor(cursor), limit };
      const { deliveries, next } = await listDeliveries(database, c.req.valid('param').name, page);
      return c.json({ calls: deliveries, next: toNext(next) }, 200);
    })
    .openapi(retry, async (c) =>
      c.json({ call: await retryDelivery(database, c.req.valid('param').id) }, 200),
    );
}
