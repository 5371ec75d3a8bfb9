import { insertFileArtefact } from '../../engine/artefacts.ts';
import { readPolicyKey } from '../../policy/policy.ts';
import type { BridgeParts } from '../bridge-parts.ts';
import { isGoalName, stemOf } from '../conventions/names.ts';
import { type ExecResult, execNote, failedNote } from '../conventions/notes.ts';
import { parseTaskText } from '../conventions/task-text.ts';
import { countUnderRoot, insertPlanned, settle } from '../file-queries.ts';
import { type Attention, selectEnd } from '../file-read-queries.ts';
import { holdOwnership } from '../owner-queries.ts';
import { OwnershipLost } from '../schema.ts';
import { type Answer, planFollowUps, readAnswer } from './follow-ups.ts';
import { freeOutputName, freeTaskName } from './free-names.ts';

type End = { suffix: string; content: string; answer: Answer | null; result: 'done' | 'failed' };

/**
 * Fixes how an ended task is told: its output's name and content, and the tasks its answer asks for, in one
 * transaction. Files follow from that, so wherever this is cut off, what is written is always the same.
 * @param openNames names that open files of the inbox have
 * @throws OwnershipLost
 */
export async function settleEnded(
  parts: BridgeParts,
  file: Attention,
  openNames: Set<string>,
): Promise<void> {
  const { database, ownership } = parts;
  const end = await readEnd(parts, file);
  const asks = end.answer?.asks ?? [];
  const names: string[] = [];
  for (const { name } of asks) names.push(await freeTaskName(parts, name, openNames));
  const output = await freeOutputName(parts, stemOf(file.name), end.suffix);
  await database.transaction(async (tx) => {
    if (!(await holdOwnership(tx, ownership))) throw new OwnershipLost();
    // Whoever was faster has said it already.
    if (!(await settle(tx, file.id, { result: end.result, output }))) return;
    const dropped = [...(end.answer?.dropped ?? [])];
    if (end.answer && asks.length > 0) {
      const { max_depth, max_tasks } = await readPolicyKey(tx, 'chains');
      const room =
        file.depth >= max_depth ? 0 : Math.max(0, max_tasks - (await countUnderRoot(tx, file.root_id)));
      const rows = planFollowUps(end.answer, names.slice(0, room), (name, text) =>
        isGoalName(name) ? 'goal' : parseTaskText(text).form,
      );
      if (rows.length > 0) await insertPlanned(tx, file, rows);
      for (const { name } of asks.slice(rows.length))
        dropped.push(
          `${name}: the chain has reached its depth of ${max_depth} or its size of ${max_tasks} (policy chains)`,
        );
    }
    const note = dropped.map((line) => `\n> Not created: ${line}`).join('');
    await insertFileArtefact(tx, {
      name: output,
      content: `${end.content}${note === '' ? '' : `${note}\n`}`,
      fileId: file.id,
      proposalId: file.proposal_id,
    });
  });
  database.hints.tell('events');
}

async function readEnd({ database }: BridgeParts, file: Attention): Promise<End> {
  const last = await selectEnd(database, file.proposal_id ?? '');
  const exec = last.kind === 'exec' && isExecResult(last.output) ? last.output : null;
  const body = file.body ?? '';
  const command = exec ? parseTaskText(body).text : '';
  if (file.outcome === 'succeeded') {
    if (exec) return { suffix: '__EXEC', content: execNote(command, exec), answer: null, result: 'done' };
    const answer = readAnswer(file, last.output, new Date());
    return { suffix: '', content: `${answer.text}\n`, answer, result: 'done' };
  }
  if (exec) return { suffix: '__EXEC', content: execNote(command, exec), answer: null, result: 'failed' };
  const reason =
    file.proposal_status === 'rejected'
      ? `Rejected by ${file.decision?.by ?? 'policy'}: ${file.decision?.reason || 'no reason was given.'}`
      : `${file.outcome === 'cancelled' ? 'Cancelled' : 'Failed'}: ${last.failure ?? 'no reason is known.'}${
          file.form === 'exec' && last.begun
            ? ' The outcome of the command is unknown: a part of it may have happened.'
            : ''
        }`;
  const content = failedNote({ name: file.name, reason, proposalId: file.proposal_id, text: body });
  return { suffix: '__FAILED', content, answer: null, result: 'failed' };
}

function isExecResult(output: unknown): output is ExecResult {
  return typeof output === 'object' && output !== null && 'exit_code' in output && 'stdout' in output;
}
