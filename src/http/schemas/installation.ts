import { z } from '@hono/zod-openapi';
import { SCOPES } from '../../keys/schema.ts';
import { Time } from './common.ts';

/** The rows of the installation as JSON: its policy, agents, keys and workers. */
export const PolicyEntry = z
  .object({
    key: z.string(),
    value: z.unknown(),
    updated_at: Time.nullable(),
    updated_by: z.string().nullable(),
    meaning: z.string(),
    schema: z.record(z.string(), z.unknown()).openapi({ description: 'The JSON Schema of the value.' }),
  })
  .openapi('Policy');

export const PolicyChange = z
  .object({
    seq: z
      .number()
      .int()
      .nullable()
      .openapi({ description: 'In the log; null while it waits for its seal.' }),
    at: Time,
    by: z.string().nullable(),
    from: z.unknown(),
    to: z.unknown(),
  })
  .openapi('PolicyChange');

export const Paused = z
  .object({ enabled: z.boolean(), agents: z.array(z.string()), restored: z.boolean().optional() })
  .openapi('Paused');

export const Agent = z
  .object({
    agent_id: z.string(),
    display_name: z.string().nullable(),
    model_override: z.string().nullable(),
    role: z.string().nullable(),
    config: z.unknown(),
    created_at: Time.nullable(),
  })
  .openapi('Agent');

const keyShape = {
  key_id: z.string(),
  name: z.string(),
  scopes: z.array(z.enum(SCOPES)),
  agent_id: z.string().nullable(),
  kinds: z
    .array(z.string())
    .nullable()
    .openapi({ description: 'Of steps that it may claim; null: all that are worked over HTTP.' }),
  created_at: Time,
  created_by: z.string().nullable(),
  expires_at: Time.nullable(),
  revoked_at: Time.nullable(),
  last_used_at: Time.nullable(),
};
export const Key = z.object(keyShape).openapi('Key');
export const NewKey = z
  .object({ key: z.string().openapi({ description: 'Shown once; only its digest is stored.' }), ...keyShape })
  .openapi('NewKey');

export const Worker = z
  .object({
    worker_id: z.string(),
    host: z.string(),
    pid: z.number().int().nullable().openapi({ description: 'Null: it works over HTTP.' }),
    key_id: z.string().nullable().openapi({ description: 'Of a worker over HTTP, the key it works with.' }),
    agent_id: z
      .string()
      .nullable()
      .openapi({ description: 'The agent of that key, whose steps are all that it works.' }),
    version: z.string(),
    kinds: z.record(z.string(), z.number()),
    started_at: Time,
    renewed_at: Time,
    lease_expires_at: Time,
    ended_at: Time.nullable(),
    ended_as: z.enum(['stopped', 'died']).nullable(),
    alive: z.boolean(),
    holds: z.number().int(),
  })
  .openapi('Worker');

export const ActionRun = z
  .object({
    id: z.number().int(),
    action: z.string(),
    status: z.enum(['ok', 'error']),
    details: z.unknown(),
    duration_ms: z.number().nullable(),
    created_at: Time.nullable(),
    beat_id: z.uuid().nullable(),
  })
  .openapi('ActionRun');

const BeatAction = z.object({
  action: z.string(),
  status: z.enum(['ok', 'error']),
  duration_ms: z.number().nullable(),
  details: z.unknown(),
});

/** A beat of the past, or the one under way. */
export const PastBeat = z
  .object({
    id: z.uuid(),
    started_at: Time,
    finished_at: Time.nullable().openapi({ description: 'Null: it is under way.' }),
    asked_by: z.string(),
    actions: z.array(BeatAction),
  })
  .openapi('PastBeat');

export const Beat = z
  .object({
    actions: z.array(BeatAction),
    beat_id: z.uuid(),
    joined: z.boolean().openapi({ description: 'A beat was under way, and this is its result.' }),
  })
  .openapi('Beat');

export const Health = z
  .object({
    status: z.enum(['ok', 'degraded']),
    version: z.string(),
    problems: z.array(z.string()),
    database: z.object({
      version: z.string(),
      latency_ms: z.number(),
      connections: z.object({ open: z.number(), idle: z.number(), waiting: z.number() }),
      hints: z.boolean(),
    }),
    workers: z.object({ alive: z.number().int() }),
    last_beat_age_seconds: z.number().nullable(),
    events: z.object({
      seq: z.number().int(),
      sealing_lag_ms: z.number(),
      hash: z.string().nullable().openapi({ description: 'Of the chain of digests up to seq.' }),
      signed: z
        .object({ seq: z.number().int(), at: z.string() })
        .nullable()
        .openapi({ description: "The last head that this server's home has signed." }),
      signed_problem: z.string().nullable(),
    }),
    retention: z.object({
      keep_days: z.number().int().nullable().openapi({ description: 'Null: for ever.' }),
    }),
    counts: z.record(z.string(), z.number()),
    paused: Paused,
    llm: z.object({ serving: z.string(), llm: z.boolean(), extractive: z.boolean() }),
    schedules: z.object({
      total: z.number().int(),
      paused: z.number().int(),
      next_due_at: Time.nullable(),
      problems: z.array(z.string()),
    }),
    backups: z
      .object({
        every_hours: z.number().nullable(),
        last_at: z.string().nullable(),
        failure: z.object({ at: z.string(), message: z.string() }).nullable(),
        age_hours: z.number().nullable(),
        in_future: z.array(z.string()),
      })
      .openapi({
        description: "Of this server's home; every_hours is null where none are made by themselves.",
      }),
    files: z
      .object({ mode: z.string().nullable(), waiting: z.number().int(), problems: z.array(z.string()) })
      .nullable(),
  })
  .openapi('Health');
