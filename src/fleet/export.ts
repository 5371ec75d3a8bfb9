import { listAgents } from '../agents/agents.ts';
import type { AgentRow } from '../agents/schema.ts';
import type { Db } from '../db/database.ts';
import { readPolicy } from '../policy/policy.ts';
import { NO_PLAN } from '../schedules/plan.ts';
import { allSchedules } from '../schedules/schedules.ts';
import type { ScheduleRow } from '../schedules/schema.ts';
import type { WebhookRow } from '../webhooks/schema.ts';
import { listWebhooks } from '../webhooks/webhooks.ts';
import type { Fleet } from './schema.ts';

type Exported = Required<Omit<Fleet, 'keys'>>;

/** The installation as it is, but for keys: their texts are nowhere. One query at a time, for it can be a transaction's. */
export async function readFleet(db: Db) {
  const agents = await listAgents(db);
  const policy = await readPolicy(db);
  const schedules = await allSchedules(db);
  const webhooks = await listWebhooks(db);
  return {
    agents: byName(agents.map((row) => [row.agent_id, agentOf(row)])),
    policy,
    schedules: byName(schedules.map((row) => [row.name, scheduleOf(row)])),
    webhooks: byName(webhooks.map((row) => [row.name, webhookOf(row)])),
  } satisfies Exported;
}

/** What is written into a file. Whether everything is paused is not: an old file must not end an emergency stop. */
export async function exportFleet(db: Db): Promise<Exported> {
  const { policy, ...fleet } = await readFleet(db);
  const { paused: _, ...lasting } = policy;
  return { ...fleet, policy: lasting };
}

/** Without a prototype, for a name can be `constructor`. */
function byName<Item>(entries: [string, Item][]): Record<string, Item> {
  return Object.assign(Object.create(null) as Record<string, Item>, Object.fromEntries(entries));
}

export function agentOf({ display_name, model_override, role, config }: AgentRow) {
  return said({ display_name, model_override, role, config });
}

/** What is as it is unless somebody says otherwise is left out. */
export function scheduleOf(row: ScheduleRow) {
  return {
    agent_id: row.agent_id,
    kind: row.kind,
    title: row.title,
    ...said({
      body: row.body,
      priority: row.priority || null,
      cron: row.cron,
      every_seconds: row.every_seconds,
      starts_at: row.starts_at?.toISOString() ?? null,
      at: row.at?.toISOString() ?? null,
      timezone: row.timezone === 'UTC' ? null : row.timezone,
      missed: row.missed === 'once' ? null : row.missed,
      missed_most: row.missed_most === NO_PLAN.missed_most ? null : row.missed_most,
      jitter_seconds: row.jitter_seconds || null,
      paused: row.paused || null,
    }),
  };
}

export function webhookOf({ url, template, options, topics, agents, links_by, paused }: WebhookRow) {
  return { url, template, options, topics, agents, links: links_by !== null, paused };
}

function said<Members extends Record<string, unknown>>(members: Members) {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null)) as {
    [Member in keyof Members]?: NonNullable<Members[Member]>;
  };
}
