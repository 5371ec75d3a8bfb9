import { z } from '@hono/zod-openapi';
import { SCOPES } from '../../keys/schema.ts';
import { Time } from './common.ts';

/** Who is signed in, and how a browser gets to be. */
export const SignInCode = z.object({ code: z.string(), expires_at: Time }).openapi('SignInCode');

export const OpenedSession = z.object({ token: z.string(), expires_at: Time }).openapi('OpenedSession');

export const Session = z
  .object({
    key_id: z.string(),
    name: z.string(),
    scopes: z.array(z.enum(SCOPES)),
    agent_id: z.string().nullable(),
    expires_at: Time.nullable().openapi({ description: 'When the session ends; null for a key.' }),
    seq: z.number().int().openapi({ description: 'Where the event log ends: follow it from here.' }),
    version: z.string(),
  })
  .openapi('Session');
