import { insertFileArtefact } from '../../engine/artefacts.ts';
import { readPolicyKey } from '../../policy/policy.ts';
import type { BridgeParts } from '../bridge-parts.ts';
import { stemOf } from '../conventions/names.ts';
import { pendingNote } from '../conventions/notes.ts';
import { parseTaskText } from '../conventions/task-text.ts';
import { noteApproval } from '../file-queries.ts';
import { type Attention } from '../file-read-queries.ts';
import { holdOwnership } from '../owner-queries.ts';
import { OwnershipLost } from '../schema.ts';
import { freeOutputName } from './free-names.ts';

/** Says once, in a PENDING note, that an operator has to decide, and how. */
export async function askOperator(parts: BridgeParts, file: Attention): Promise<void> {
  const { database, folders, ownership } = parts;
  const stem = stemOf(file.name);
  const name = await freeOutputName(parts, stem, '__PENDING');
  await database.transaction(async (tx) => {
    if (!(await holdOwnership(tx, ownership))) throw new OwnershipLost();
    const { approval_files } = await readPolicyKey(tx, 'exec_policy');
    const body = file.body ?? '';
    const byFile = file.form === 'exec' && approval_files;
    const content = pendingNote({
      proposalId: file.proposal_id ?? '',
      form: file.form,
      text: file.form === 'exec' ? parseTaskText(body).text : body.trim(),
      parent: file.parent,
      digest: file.digest,
      reason: file.decision?.reason ?? 'policy does not approve it by itself.',
      approvalFile: byFile ? folders.path('approvals', `${stem}.ok`) : null,
    });
    await insertFileArtefact(tx, { name, content, fileId: file.id, proposalId: file.proposal_id });
    await noteApproval(tx, file.id, name);
  });
  database.hints.tell('events');
}
