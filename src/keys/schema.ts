import { z } from 'zod';
import { Name } from '../lib/name.ts';

export const SCOPES = ['propose', 'read', 'emit', 'work', 'approve', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

export const KeyInput = z.strictObject({
  name: z.string().min(1).max(100),
  scopes: z.array(z.enum(SCOPES)).min(1).max(SCOPES.length),
  agent_id: Name.nullable().optional(),
  kinds: z.array(Name).min(1).max(100).optional(),
  expires_in_days: z.number().int().min(1).max(3650).optional(),
});
export type KeyInput = z.infer<typeof KeyInput>;

/** What may be shown of a key. */
export type KeyRow = {
  key_id: string;
  name: string;
  scopes: Scope[];
  agent_id: string | null;
  /** The kinds of steps that it may claim; null: all that can be worked over HTTP. */
  kinds: string[] | null;
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
  /** Null: of any kind. */
  kinds: readonly string[] | null;
  /** The claim that its token stands for, and which is all that it opens. */
  claim?: HeldClaim;
  /** The browser's session that speaks for the key, where it is one. */
  session?: { id: string; expiresAt: Date };
};

/** A claim that was given out over HTTP, as its token opens it. */
export type HeldClaim = {
  claim_id: string;
  step_id: string;
  worker_id: string;
  attempt: number;
  ended: { as: string; late?: boolean } | null;
  kind: string;
  agent_id: string;
  proposal_id: string | null;
  failures: number;
};
