import { z } from 'zod';
import { AgentInput } from '../agents/schema.ts';
import { SCOPES } from '../keys/schema.ts';
import { Name } from '../lib/name.ts';
import { POLICY_SCHEMAS } from '../policy/schema.ts';
import { ScheduleInput } from '../schedules/schema.ts';
import { WebhookInput } from '../webhooks/schema.ts';

const { name: _schedule, ...scheduleShape } = ScheduleInput.shape;
const { name: _webhook, ...webhookShape } = WebhookInput.shape;

export const FleetKey = z.strictObject({
  agent: Name.optional(),
  scopes: z.array(z.enum(SCOPES)).min(1),
  kinds: z.array(Name).min(1).max(100).optional(),
  expires_in_days: z.number().int().min(1).max(3650).optional(),
});

/** Everything is one transaction, and with another policy nobody proposes meanwhile. */
const MOST = 500;
function things<Item extends z.ZodType>(name: z.ZodString, item: Item) {
  return z
    .record(name, item)
    .refine((named) => Object.keys(named).length <= MOST, `at most ${MOST}; more go into another file`);
}

/** An installation as a file: each thing by its name. What a section leaves out is left as it is. */
export const Fleet = z.strictObject({
  agents: things(Name, AgentInput).optional(),
  keys: things(z.string().min(1).max(100), FleetKey).optional(),
  policy: z.strictObject(POLICY_SCHEMAS).partial().optional(),
  schedules: things(Name, z.strictObject({ ...scheduleShape, paused: z.boolean().optional() })).optional(),
  webhooks: things(Name, z.strictObject(webhookShape)).optional(),
});
export type Fleet = z.infer<typeof Fleet>;
export type FleetSection = keyof Fleet;

/** One thing that is made, changed or removed, with what of it. */
export type FleetChange = {
  section: FleetSection;
  name: string;
  action: 'created' | 'changed' | 'removed';
  members: { name: string; from: unknown; to: unknown }[];
};

export type Applied = {
  changes: FleetChange[];
  /** Texts of new keys, and secrets of new webhooks, by name: shown once. Empty when nothing was applied. */
  keys: { name: string; key: string }[];
  signing_secrets: { name: string; secret: string }[];
};
