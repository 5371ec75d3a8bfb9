import { z } from '@hono/zod-openapi';
import { DELIVERY_STATES, TEMPLATES } from '../../webhooks/schema.ts';
import { Time } from './common.ts';

export const Webhook = z
  .object({
    webhook_id: z.uuid(),
    name: z.string(),
    url: z.string().openapi({ description: 'Secrets in it are named, as `{secret:name}`.' }),
    template: z.enum(TEMPLATES),
    options: z.record(z.string(), z.union([z.string(), z.number()])),
    topics: z.array(z.string()),
    agents: z.array(z.string()).nullable(),
    links_by: z.string().nullable().openapi({ description: 'The key that its links decide as.' }),
    paused: z.boolean(),
    failing_since: Time.nullable(),
    last_error: z.string().nullable(),
    created_at: Time,
    created_by: z.string(),
    updated_at: Time,
  })
  .openapi('Webhook');

export const StoredWebhook = z
  .object({
    webhook: Webhook,
    changed: z.boolean(),
    signing_secret: z.string().nullable().openapi({
      description:
        'Made for a new one with the template `json`; in this answer and in the home of the server.',
    }),
  })
  .openapi('StoredWebhook');

export const Call = z
  .object({
    delivery_id: z.uuid().openapi({ description: 'The header `webhook-id`, the same at every try.' }),
    webhook_id: z.uuid(),
    topic: z.string(),
    about: z.record(z.string(), z.unknown()),
    status: z.enum(DELIVERY_STATES).openapi({
      description: 'dead: given up. skipped: it was no longer worth saying.',
    }),
    attempts: z.number().int(),
    next_at: Time,
    last_status: z.number().int().nullable(),
    last_error: z.string().nullable(),
    created_at: Time,
    ended_at: Time.nullable(),
  })
  .openapi('Call');

export const Alert = z
  .object({
    key: z.string(),
    topic: z.string(),
    message: z.string(),
    raised_at: Time,
  })
  .openapi('Alert');

export const LinkedProposal = z
  .object({
    proposal: z.object({
      id: z.uuid(),
      agent_id: z.string(),
      kind: z.string(),
      title: z.string(),
      body: z.string().nullable(),
      status: z.string(),
      created_at: Time.nullable(),
    }),
    webhook: z.string(),
    expires_at: Time,
  })
  .openapi('LinkedProposal');
