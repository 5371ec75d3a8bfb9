import { z } from 'zod';

/** A model is named, never located: a URL here would let a row in the database choose where text is sent. */
export const ModelName = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:/@-]*$/, 'a model name, or provider:model')
  .refine((name) => !name.includes('://'), 'a name, not a URL');

export const AgentInput = z.strictObject({
  display_name: z.string().max(200).nullable().optional(),
  model_override: ModelName.nullable().optional(),
  role: z.string().max(64).nullable().optional(),
  config: z.record(z.string(), z.unknown()).nullable().optional(),
});
export type AgentInput = z.infer<typeof AgentInput>;

export type AgentRow = {
  agent_id: string;
  display_name: string | null;
  model_override: string | null;
  role: string | null;
  config: Record<string, unknown> | null;
  created_at: Date | null;
};

/** The six roles of the specification, one agent each. */
export const DEFAULT_AGENTS: readonly Pick<AgentRow, 'agent_id' | 'display_name' | 'role'>[] = [
  { agent_id: 'pm', display_name: 'Project manager', role: 'pm' },
  { agent_id: 'coder', display_name: 'Coder', role: 'coder' },
  { agent_id: 'research', display_name: 'Researcher', role: 'research' },
  { agent_id: 'qa', display_name: 'Quality', role: 'qa' },
  { agent_id: 'ops', display_name: 'Operations', role: 'ops' },
  { agent_id: 'marketing', display_name: 'Marketing', role: 'marketing' },
];
