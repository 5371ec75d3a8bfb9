import { z } from '@hono/zod-openapi';
import { MODES } from '../../workspace/schema.ts';
import { Time } from './common.ts';

/** Files of the workspace as JSON. */
export const Listing = z
  .object({ files: z.array(z.object({ name: z.string(), size: z.number(), mtime: z.number().int() })) })
  .openapi('FileListing');

export const Graph = z
  .object({
    nodes: z.array(z.looseObject({ id: z.string(), label: z.string(), kind: z.string() })),
    edges: z.array(z.object({ from: z.string(), to: z.string(), kind: z.string() })),
    ts: z.number().int().optional(),
  })
  .openapi('Graph');

export const TaskFile = z
  .object({
    id: z.uuid(),
    name: z.string(),
    form: z.enum(['task', 'goal', 'exec']),
    status: z.enum(['planned', 'taken', 'settled', 'finished']),
    result: z.enum(['done', 'failed', 'replaced']).nullable(),
    agent_id: z.string(),
    proposal_id: z.uuid().nullable(),
    proposal_status: z.string().nullable(),
    output: z.string().nullable(),
    note: z.string().nullable(),
    parent_id: z.uuid().nullable(),
    root_id: z.uuid(),
    depth: z.number().int(),
    created_at: Time,
    finished_at: Time.nullable(),
  })
  .openapi('TaskFile');

export const FilesStatus = z
  .object({
    workspace: z.string(),
    mode: z.enum(MODES).nullable().openapi({ description: 'Null: another process owns the workspace.' }),
    held_by: z.string().nullable(),
    held_elsewhere: z.boolean(),
    halted: z.object({ reason: z.string(), at: z.string() }).nullable(),
    problems: z.array(z.string()),
    refused: z.array(z.object({ name: z.string(), problem: z.string() })),
    waiting: z
      .array(
        z.object({
          scope: z.string(),
          gate: z.string(),
          limit: z.number(),
          resets_at: z.string(),
          count: z.number().int(),
        }),
      )
      .openapi({ description: 'Files that a cap keeps waiting in the inbox.' }),
    file_events: z.boolean().openapi({ description: 'Without them the inbox is scanned every second.' }),
  })
  .openapi('FilesStatus');
