import { createHash } from 'node:crypto';
import { listAgents } from '../../agents/agents.ts';
import { brokenConstraint } from '../../db/sqlstate.ts';
import { AppError } from '../../errors.ts';
import { uuid7 } from '../../lib/uuid7.ts';
import type { BridgeParts } from '../bridge-parts.ts';
import { isGoalName, stemOf } from '../conventions/names.ts';
import { parseTaskText, titleOf } from '../conventions/task-text.ts';
import type { Read, Signature } from '../disk/read-whole.ts';
import { insertTaken, markReplaced, takePlanned } from '../file-queries.ts';
import { type OpenFile, type Form, OwnershipLost } from '../schema.ts';
import type { CapHold } from './cap-holds.ts';

export const DEFAULT_AGENT = 'pm';

/** A whole file and what it means. */
export type TaskFile = {
  name: string;
  text: string;
  digest: string;
  signature: Signature;
  form: Form;
  role: string | null;
  agentId: string;
  /** The row of an answer that asked for exactly this file. */
  planned: OpenFile | null;
};

export type Taken = 'taken' | 'open_already' | { waits: CapHold };

/** Ids of agents, so that a role can be told from a word. */
export async function agentIds(parts: BridgeParts): Promise<Set<string>> {
  return new Set((await listAgents(parts.database)).map((agent) => agent.agent_id));
}

/**
 * What a file asks for. A person's file acts as the agent of its role; a role that is no agent stays a word of
 * the text, as in the older system. What a model asked for is charged to its root's agent, whatever it says.
 */
export function understand(
  name: string,
  read: Read & { ok: true },
  planned: OpenFile | null,
  agents: ReadonlySet<string>,
): TaskFile {
  const digest = digestOf(read.bytes);
  const asked = planned !== null && planned.digest === digest ? planned : null;
  const { form, role } = parseTaskText(read.text);
  const named = [role, role?.toLowerCase()].find((id) => id != null && agents.has(id));
  return {
    name,
    text: read.text,
    digest,
    signature: read.signature,
    form: isGoalName(name) ? 'goal' : form,
    role,
    agentId: asked?.agent_id ?? named ?? DEFAULT_AGENT,
    planned: asked,
  };
}

export function digestOf(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * Makes the file a proposal. Proposal, row and event are one transaction, and only the workspace's owner gets
 * through, so a file becomes one proposal whoever else reads it and wherever this is cut off.
 * @throws OwnershipLost
 */
export async function take({ propose, ownership }: BridgeParts, file: TaskFile): Promise<Taken> {
  const { planned } = file;
  try {
    await propose({
      agentId: file.agentId,
      kind: file.form,
      title: titleOf(parseTaskText(file.text).text, stemOf(file.name)),
      body: file.text,
      by: planned ? `file:${planned.parent_id}` : 'files',
      onCap: 'wait',
      async alongside(tx, { proposal }) {
        const kept = planned
          ? await takePlanned(tx, ownership, { id: planned.id, form: file.form, proposalId: proposal.id })
          : await insertTaken(tx, ownership, {
              id: uuid7(),
              name: file.name,
              form: file.form,
              digest: file.digest,
              inode: file.signature.inode,
              agent_id: file.agentId,
              proposalId: proposal.id,
              role: file.role,
            });
        if (!kept) throw new OwnershipLost();
      },
    });
    return 'taken';
  } catch (error) {
    if (error instanceof AppError && error.code === 'cap_reached') return { waits: holdOf(error) };
    if (brokenConstraint(error) === 'ops_files_open') return 'open_already';
    throw error;
  }
}

/** A planned file that a person has written over is that person's now. */
export async function giveUpPlanned({ database, ownership }: BridgeParts, planned: OpenFile): Promise<void> {
  await markReplaced(database, ownership, planned.id);
  database.hints.tell('events');
}

function holdOf({ details }: AppError): CapHold {
  const refusal = details.refusal as { scope: string; gate: string; limit: number; resets_at: string };
  return {
    scope: refusal.scope,
    gate: refusal.gate,
    limit: refusal.limit,
    resetsAt: refusal.resets_at,
  };
}
