import { z } from '@hono/zod-openapi';

const Things = z.record(z.string(), z.unknown());

export const ExportedFleet = z
  .object({
    fleet: z.object({ agents: Things, policy: Things, schedules: Things, webhooks: Things }),
  })
  .openapi('ExportedFleet');

export const AppliedFleet = z
  .object({
    changes: z.array(
      z.object({
        section: z.enum(['agents', 'keys', 'policy', 'schedules', 'webhooks']),
        name: z.string(),
        action: z.enum(['created', 'changed', 'removed']),
        members: z.array(z.object({ name: z.string(), from: z.unknown(), to: z.unknown() })),
      }),
    ),
    keys: z.array(z.object({ name: z.string(), key: z.string() })).openapi({
      description: 'Texts of new keys, in this answer and nowhere else.',
    }),
    signing_secrets: z.array(z.object({ name: z.string(), secret: z.string() })),
  })
  .openapi('AppliedFleet');
