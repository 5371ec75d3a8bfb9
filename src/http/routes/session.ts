import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../../app.ts';
import { eventsHead } from '../../events/events.ts';
import { VERSION } from '../../version.ts';
import { needs, needsAnyKey } from '../access.ts';
import { makeRouter } from '../env.ts';
import { readKey } from '../middleware/authenticate.ts';
import { strict } from '../refuse-invalid.ts';
import { json, optionalBody } from '../schemas/common.ts';
import { OpenedSession, Session, SignInCode } from '../schemas/session.ts';

const makeCode = createRoute({
  method: 'post',
  path: '/api/ops/sign-in-codes',
  summary: 'Make a code with which a browser signs in once, for this key',
  ...needs('read'),
  request: { body: optionalBody(strict({})) },
  responses: { 201: json(SignInCode, 'The code; it stands in the fragment of an address: `/#code=...`') },
});

const open = createRoute({
  method: 'post',
  path: '/api/ops/session',
  summary: 'Open a session, by a code or by a key',
  description:
    'The code or the key is sent as the Bearer of the Authorization header; so is the token from then on.',
  ...needsAnyKey(),
  request: { body: optionalBody(strict({})) },
  responses: { 201: json(OpenedSession, 'The session; its token is in this answer and nowhere else') },
});

const show = createRoute({
  method: 'get',
  path: '/api/ops/session',
  summary: 'Say who asks, and where the log ends',
  ...needsAnyKey(),
  responses: { 200: json(Session, 'The key, what it may, and the session') },
});

const close = createRoute({
  method: 'delete',
  path: '/api/ops/session',
  summary: 'End the session',
  ...needsAnyKey(),
  responses: { 200: json(z.object({ ended: z.boolean() }), 'It is over') },
});

export function sessionRoutes({ database, sessions }: App) {
  return makeRouter()
    .openapi(makeCode, async (c) => {
      const { code, expiresAt } = await sessions.makeCode(c.get('caller'));
      return c.json({ code, expires_at: expiresAt.toISOString() }, 201);
    })
    .openapi(open, async (c) => {
      const given = readKey(c.get('wire').values('authorization'));
      const { token, expiresAt } = await sessions.open(given, c.get('caller'));
      return c.json({ token, expires_at: expiresAt.toISOString() }, 201);
    })
    .openapi(show, async (c) => {
      const { keyId, name, scopes, agentId, session } = c.get('caller');
      const { seq } = await eventsHead(database);
      return c.json(
        {
          key_id: keyId,
          name,
          scopes: [...scopes],
          agent_id: agentId,
          expires_at: session?.expiresAt.toISOString() ?? null,
          seq,
          version: VERSION,
        },
        200,
      );
    })
    .openapi(close, async (c) => {
      await sessions.close(c.get('caller'));
      return c.json({ ended: true }, 200);
    });
}
