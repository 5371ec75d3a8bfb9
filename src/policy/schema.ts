import { z } from 'zod';
import { Name } from '../lib/name.ts';

const Cap = z.number().int().min(0).max(1_000_000_000);
const TokenCap = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

const TimeZone = z
  .string()
  .max(64)
  .refine(isTimeZone, 'a name of the IANA time zone database, such as "UTC" or "Europe/Berlin"')
  .describe('A name of the IANA time zone database, such as "UTC" or "Europe/Berlin".');

/** Steps of kind exec run commands, and only what an operator approved as one may become such a step. */
const Plans = z
  .record(Name, z.array(Name).min(1).max(20))
  .refine(
    (plans) =>
      Object.entries(plans).every(([kind, steps]) =>
        kind === 'exec' ? steps.join() === 'exec' : !steps.includes('exec'),
      ),
    'a step of kind "exec" stands in the plan of the kind "exec", once and alone',
  )
  .describe('Step kinds by proposal kind. "exec" stands in the plan of the kind "exec", once and alone.');

const Caps = z.strictObject({ timezone: TimeZone, per_agent: Cap, total: Cap });
const AtOnce = z.number().int().min(1).max(100_000);
const MinutesPerKind = z.record(Name, z.number().min(1).max(1440));

const Usd = z.number().min(0).max(100_000);
const Prices = z
  .record(
    z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,39}:\S{1,200}$/, 'provider:model, or provider:* for all of its models'),
    z.strictObject({ input: Usd, output: Usd }),
  )
  .refine((prices) => Object.keys(prices).length <= 200, 'at most 200 prices')
  .describe('US dollars per million tokens, by provider:model, or provider:* for all of its other models.');

/** One schema per policy key. A value that its schema refuses is refused when it is set. */
export const POLICY_SCHEMAS = {
  auto_approve: z.strictObject({
    enabled: z.boolean(),
    kinds: z
      .array(Name)
      .max(200)
      .refine((kinds) => !kinds.includes('exec'), '"exec" is never approved without an operator')
      .describe('Kinds of proposals, but not "exec": that is never approved without an operator.'),
  }),
  daily_caps: Caps,
  kind_caps: z.record(Name, Cap),
  tweet_quota: z.strictObject({ max_per_day: Cap }),
  token_caps: z.strictObject({ per_agent: TokenCap, total: TokenCap }),
  plans: Plans,
  stale_steps: z.strictObject({
    after_minutes: z.number().min(1).max(1440),
    max_failures: z.number().int().min(1).max(100),
    per_kind: MinutesPerKind.optional(),
  }),
  concurrency: z.strictObject({
    kinds: z.record(Name, AtOnce),
    agents: z.record(Name, AtOnce),
    each_agent: AtOnce.optional(),
  }),
  paused: z.strictObject({
    enabled: z.boolean(),
    agents: z.array(Name).max(1000),
    /** Set by a restore, gone with the next resume. */
    restored: z.boolean().optional(),
  }),
  exec_policy: z.strictObject({
    enabled: z.boolean(),
    approval_files: z.boolean(),
    timeout_seconds: z.number().int().min(1).max(1_500),
    max_output_bytes: z.number().int().min(1_000).max(150_000),
  }),
  chains: z.strictObject({
    max_depth: z.number().int().min(0).max(100),
    max_tasks: z.number().int().min(0).max(10_000),
  }),
  prices: Prices,
  reminders: z.strictObject({
    after_minutes: z.number().int().min(1).max(43_200),
    every_minutes: z.number().int().min(1).max(43_200),
    most: z.number().int().min(0).max(100),
  }),
  retention: z.strictObject({ keep_days: z.number().int().min(1).max(3_650).nullable() }),
} as const;

export type PolicyKey = keyof typeof POLICY_SCHEMAS;
export type Policy = { [K in PolicyKey]: z.infer<(typeof POLICY_SCHEMAS)[K]> };

export const POLICY_KEYS = Object.keys(POLICY_SCHEMAS) as PolicyKey[];

/** What each key means, for the CLI, the API and the dashboard. */
export const POLICY_MEANING: Record<PolicyKey, string> = {
  auto_approve: 'Kinds of proposals that are approved without an operator, once every gate has passed.',
  daily_caps: 'Most proposals admitted per calendar day of the time zone: for one agent, and in total.',
  kind_caps: 'Most proposals of a kind admitted per day, over all agents.',
  tweet_quota: 'Most proposals of kind "tweet" admitted per day.',
  token_caps: 'Most model tokens per day, for one agent and in total. Checked at claim: over it, steps wait.',
  plans: 'The step kinds that a proposal kind becomes. Kinds without a plan become one "analyze" step.',
  stale_steps:
    'Minutes after which a running step counts as stuck (per_kind overrides), and failures before it fails for good.',
  concurrency:
    'Most steps running at once over all workers: of a step kind, of an agent, and of each agent not named (each_agent).',
  paused:
    'No new claims, and running model calls are given back: for everybody (enabled), or for some agents. After a restore (restored) webhooks, schedules and task files wait, too.',
  exec_policy:
    'Whether commands (EXEC:) may be proposed at all, whether approvals/<stem>.ok approves one, and their limits.',
  chains:
    'Tasks that answers ask for (NEXT:, GOAL_): how many steps away from the first file, and how many in all.',
  reminders:
    'When a pending proposal is reminded of: after so many minutes, again every so many, at most so often (0: never).',
  prices:
    'What models cost, in US dollars per million tokens. Calls of models without a price have no known cost.',
  retention:
    'Days for which proposals that have ended are kept, with their missions, steps and events; null: for ever.',
};

/** The JSON Schema of a key's value, with its bounds; what a schema cannot say is in its descriptions. */
export function policyJsonSchema(key: PolicyKey): Record<string, unknown> {
  return { ...z.toJSONSchema(POLICY_SCHEMAS[key], { io: 'input', unrepresentable: 'any' }) };
}

/** What a fresh database gets. */
export const DEFAULT_POLICY: Policy = {
  auto_approve: { enabled: true, kinds: ['analysis', 'research', 'task', 'goal'] },
  daily_caps: { timezone: 'UTC', per_agent: 50, total: 500 },
  kind_caps: { content: 50, deploy: 10 },
  tweet_quota: { max_per_day: 8 },
  token_caps: { per_agent: 2_000_000, total: 10_000_000 },
  plans: {
    analysis: ['analyze'],
    research: ['analyze'],
    content: ['analyze', 'generate', 'review', 'publish'],
    deploy: ['analyze', 'review', 'publish'],
    task: ['task'],
    goal: ['plan'],
    exec: ['exec'],
  },
  stale_steps: { after_minutes: 30, max_failures: 3 },
  concurrency: { kinds: {}, agents: {} },
  paused: { enabled: false, agents: [] },
  exec_policy: { enabled: false, approval_files: false, timeout_seconds: 300, max_output_bytes: 100_000 },
  chains: { max_depth: 5, max_tasks: 50 },
  prices: {},
  reminders: { after_minutes: 60, every_minutes: 240, most: 3 },
  retention: { keep_days: 90 },
};

export type PolicyRow = { key: string; value: unknown; updated_at: Date | null; updated_by: string | null };

/** Policy is read for each batch of proposals, and asking for a time zone is dear. */
const knownTimeZones = new Set<string>();

function isTimeZone(name: string): boolean {
  if (knownTimeZones.has(name)) return true;
  try {
    Intl.DateTimeFormat('en', { timeZone: name }).format(0);
    knownTimeZones.add(name);
    return true;
  } catch {
    return false;
  }
}
