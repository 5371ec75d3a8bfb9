import { listAgents } from '../agents/agents.ts';
import type { AgentRow } from '../agents/schema.ts';
import type { Db } from '../db/database.ts';
import { readPolicy } from '../policy/policy.ts';
import { allSchedules } from '../schedules/schedules.ts';
import type { ScheduleRow } from '../schedules/schema.ts';
import type { WebhookRow } from '../webhooks/schema.ts';
import { listWebhooks } from '../webhooks/webhooks.ts';
import type { Fleet } from './schema.ts';

/** The installation as it would be written into a file. Keys are not in it: their texts are nowhere. */
export async function exportFleet(db: Db): Promise<Required<Omit<Fleet, 'keys'>>> {
  const [agents, policy, schedules, webhooks] = await Promise.all([
    listAgents(db),
    readPolicy(db),
    allSchedules(db),
    listWebhooks(db),
  ]);
  return {
    agents: Object.fromEntries(agents.map((row) => [row.agent_id, agentOf(row)])),
    policy,
    schedules: Object.fromEntries(schedules.map((row) => [row.name, scheduleOf(row)])),
    webhooks: Object.fromEntries(webhooks.map((row) => [row.name, webhookOf(row)])),
  };
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
      missed_most: row.missed === 'all' ? row.missed_most : null,
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
