import { z } from 'zod';
import { Name } from '../lib/name.ts';

export const SCOPES = ['propose', 'read', 'emit', 'work', 'approve', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

export const KeyInput = z.strictObject({
  name: z.string().min(1).max(100),
  scopes: z.array(z.enum(SCOPES)).min(1).max(SCOPES.length),
  agent_id: Name.nullable().optional(),
  expires_in_days: z.number().int().min(1).max(3650).optional(),
});
export type KeyInput = z.infer<typeof KeyInput>;

/** What may be shown of a key. */
export type KeyRow = {
  key_id: string;
  name: string;
  scopes: Scope[];
  agent_id: string | null;
  created_at: Date;
  created_by: string | null;
  expires_at: Date | null;
  revoked_at: Date | null;
  last_used_at: Date | null;
};

/** Who asks: the owner of a key. An operator is one without an agent. */
export type Caller = {
  /** `key:<id>`, as events name it. */
  by: string;
  keyId: string;
  name: string;
  agentId: string | null;
  scopes: readonly Scope[];
  /** The browser's session that speaks for the key, where it is one. */
  session?: { id: string; expiresAt: Date };
};
