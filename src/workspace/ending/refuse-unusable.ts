import { insertFileArtefact } from '../../engine/artefacts.ts';
import { uuid7 } from '../../lib/uuid7.ts';
import type { BridgeParts } from '../bridge-parts.ts';
import { isGoalName, stemOf } from '../conventions/names.ts';
import { failedNote } from '../conventions/notes.ts';
import { insertUnusable } from '../file-queries.ts';
import { look } from '../inbox/listing.ts';
import { DEFAULT_AGENT, digestOf } from '../inbox/take.ts';
import { holdOwnership } from '../owner-queries.ts';
import { OwnershipLost } from '../schema.ts';
import { freeOutputName } from './free-names.ts';

/** A plain file whose content can never be a task: the reason goes into an output, and the file is set aside. */
export async function refuseUnusable(
  parts: BridgeParts,
  { name, problem }: { name: string; problem: string },
): Promise<void> {
  const signature = await look(parts.folders.path('inbox', name));
  if (signature === null || typeof signature === 'string') return;
  const output = await freeOutputName(parts, stemOf(name), '__FAILED');
  const id = uuid7();
  await parts.database.transaction(async (tx) => {
    if (!(await holdOwnership(tx, parts.ownership))) throw new OwnershipLost();
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
