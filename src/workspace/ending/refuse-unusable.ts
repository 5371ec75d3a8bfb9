import { insertFileArtefact } from '../../engine/artefacts.ts';
import { uuid7 } from '../../lib/uuid7.ts';
import type { BridgeParts } from '../bridge-parts.ts';
import { isGoalName, stemOf } from '../conventions/names.ts';
import { failedNote } from '../conventions/notes.ts';
import { insertUnusable, markReplaced } from '../file-queries.ts';
import { selectOpen } from '../file-read-queries.ts';
import type { Unusable } from '../inbox/inbox.ts';
import { DEFAULT_AGENT, digestOf } from '../inbox/take.ts';
import { holdOwnership } from '../owner-queries.ts';
import { OwnershipLost } from '../schema.ts';
import { freeOutputName } from './free-names.ts';

/** A plain file whose content can never be a task: the reason goes into an output, and the file is set aside. */
export async function refuseUnusable(
  parts: BridgeParts,
  { name, problem, signature }: Unusable,
): Promise<void> {
  const output = await freeOutputName(parts, stemOf(name), '__FAILED');
  const id = uuid7();
  await parts.database.transaction(async (tx) => {
    if (!(await holdOwnership(tx, parts.ownership))) throw new OwnershipLost();
    const planned = (await selectOpen(tx, parts.ownership.workspaceId)).find((file) => file.name === name);
    // Somebody has written over a file that an answer asked for.
    if (planned?.status === 'planned') await markReplaced(tx, parts.ownership, planned.id);
    else if (planned) return;
    await insertUnusable(tx, parts.ownership.workspaceId, {
      id,
      name,
      form: isGoalName(name) ? 'goal' : 'task',
      // Its bytes are not read; size and inode stand for them.
      digest: digestOf(`${signature.inode} ${signature.size}`),
      inode: signature.inode,
      agent_id: DEFAULT_AGENT,
      output,
    });
    const content = failedNote({
      name,
      reason: `It cannot be a task: ${problem}.`,
      proposalId: null,
      text: '',
    });
    await insertFileArtefact(tx, { name: output, content, fileId: id, proposalId: null });
  });
  parts.database.hints.tell('events');
}
