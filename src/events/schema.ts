/** What an event can be about. */
export const ENTITIES = [
  'proposal',
  'mission',
  'step',
  'artefact',
  'policy',
  'agent',
  'key',
  'worker',
  'beat',
  'installation',
  // The log itself: what of it was dropped.
  'log',
  // A backup that was made, or that this database was restored from.
  'backup',
  'workspace',
  'file',
  'alert',
  'webhook',
  'schedule',
  // What somebody else's program says it did: no change of our tables.
  'report',
] as const;
export type Entity = (typeof ENTITIES)[number];

/** Why a change happened: by whom (a key, a worker, policy, the heartbeat), and the reason where there is one. */
export type Cause = { by: string; reason?: string } & Record<string, unknown>;

export type NewEvent = {
  kind: string;
  source: string;
  entity: Entity;
  entityId: string;
  proposalId?: string | null;
  /** State changes carry `from`, `to` and `cause`, and in `set` what else changed in the row. */
  payload: Record<string, unknown>;
};

/** A sealed event. `seq` is its place in the order; ids only name it. */
export type EventRow = {
  seq: number;
  id: number;
  kind: string;
  source: string | null;
  payload: Record<string, unknown> | null;
  created_at: Date;
  entity: Entity | null;
  entity_id: string | null;
  proposal_id: string | null;
};

/** A change of one key of the policy. */
export type PolicyChange = {
  id: number;
  /** Null while it waits for its seal. */
  seq: number | null;
  at: Date;
  by: string | null;
  from: unknown;
  to: unknown;
};

export type EventFilter = {
  /** An exact kind, or a prefix that ends with a dot: `step.` */
  kind?: string | undefined;
  entity?: string | undefined;
  entityId?: string | undefined;
  proposalId?: string | undefined;
  /** Only what belongs to this agent's own proposals, and what it reported. */
  agentId?: string | undefined;
};
