export const MODES = ['process', 'observe', 'off'] as const;
export type Mode = (typeof MODES)[number];

/** Signs of a foreign executor: nothing is taken until an operator says so. */
export type Halted = { reason: string; at: string };

export type WorkspaceRow = { id: string; path: string; mode: Mode; halted: Halted | null };

/** Names the workspace and the boot that owns it; every write for its files goes only with both. */
export type Ownership = { workspaceId: string; owner: string };

export type Form = 'task' | 'goal' | 'exec';
export type FileStatus = 'planned' | 'taken' | 'settled' | 'finished';
export type FileResult = 'done' | 'failed' | 'replaced';

export type FileRow = {
  id: string;
  workspace_id: string;
  name: string;
  form: Form;
  status: FileStatus;
  digest: string;
  inode: string | null;
  content: string | null;
  agent_id: string;
  proposal_id: string | null;
  parent_id: string | null;
  root_id: string;
  depth: number;
  after_id: string | null;
  result: FileResult | null;
  output: string | null;
  note: string | null;
  created_at: Date;
  finished_at: Date | null;
};

/** A file as people see it: without its text, and where it lies on the disk. */
export type ListedFile = Omit<FileRow, 'workspace_id' | 'digest' | 'inode' | 'content' | 'after_id'> & {
  proposal_status: string | null;
};

/** What the inbox must know of a file that has not ended. */
export type OpenFile = Pick<
  FileRow,
  | 'id'
  | 'name'
  | 'form'
  | 'status'
  | 'digest'
  | 'inode'
  | 'agent_id'
  | 'proposal_id'
  | 'parent_id'
  | 'after_id'
  | 'note'
>;

/** Somebody else owns the workspace now; whatever was under way is theirs to do. */
export class OwnershipLost extends Error {
  override readonly name = 'OwnershipLost';
  constructor() {
    super('another process owns this workspace now');
  }
}
