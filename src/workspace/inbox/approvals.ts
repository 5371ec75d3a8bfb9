import { lstat, readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../errors.ts';
import { codeOf } from '../../lib/files.ts';
import { approve, reject } from '../../loop/decide.ts';
import { readPolicyKey } from '../../policy/policy.ts';
import type { Attempts } from '../attempts.ts';
import type { BridgeParts } from '../bridge-parts.ts';
import { stemOf } from '../conventions/names.ts';
import { inRealFolder, unavailable } from '../disk/folders.ts';
import { readWhole, toSignature } from '../disk/read-whole.ts';
import type { OpenFile } from '../schema.ts';
import { digestOf } from './take.ts';

const USED = /^\.opsloop-([0-9a-f-]{36})\.used$/;

/**
 * Approvals by file: `approvals/<stem>.ok` approves the command that waits under that stem, where policy lets
 * files approve. The file is used up before the approval counts, so one never approves twice; and it approves
 * what its PENDING note showed: it must not be older than the note, and the task file unchanged.
 */
export async function useApprovals(parts: BridgeParts, open: OpenFile[], attempts: Attempts): Promise<void> {
  const waiting = new Map(
    open
      .filter((file) => file.status === 'taken' && file.form === 'exec' && file.note !== null)
      .map((file) => [file.id, file]),
  );
  if (waiting.size === 0) return;
  await inRealFolder(parts.folders, 'approvals', (approvals) =>
    useThose(parts, approvals, waiting, open, attempts),
  );
}

async function useThose(
  parts: BridgeParts,
  approvals: string,
  waiting: ReadonlyMap<string, OpenFile>,
  open: OpenFile[],
  attempts: Attempts,
): Promise<void> {
  const names = await readdir(approvals).catch((error: unknown) => {
    throw unavailable(approvals, error);
  });
  if (names.length === 0) return;
  if (!(await readPolicyKey(parts.database, 'exec_policy')).approval_files) return;

  for (const name of names) {
    const [, id] = USED.exec(name) ?? [];
    const file = waiting.get(id ?? '');
    // Used up by whoever was cut off before the approval.
    const used = join(approvals, name);
    if (file) await attempts.run(file.id, () => approveBy(parts, file, used));
    else if (id !== undefined && !open.some((one) => one.id === id))
      await unlink(used).catch(() => undefined);
  }
  const present = new Set(names);
  for (const file of waiting.values()) {
    const name = `${stemOf(file.name)}.ok`;
    if (!present.has(name) || (await isOlderThanNote(parts, file, join(approvals, name)))) continue;
    const used = join(approvals, `.opsloop-${file.id}.used`);
    const isGone = await rename(join(approvals, name), used).then(
      () => false,
      (error: unknown) => {
        if (codeOf(error) === 'ENOENT') return true;
        throw unavailable(approvals, error);
      },
    );
    if (!isGone) await attempts.run(file.id, () => approveBy(parts, file, used));
  }
}

async function approveBy(parts: BridgeParts, file: OpenFile, used: string): Promise<void> {
  const { database, folders, log } = parts;
  const id = file.proposal_id ?? '';
  const by = `file:approvals/${stemOf(file.name)}.ok`;
  const read = await inRealFolder(folders, 'inbox', (inbox) => readWhole(join(inbox, file.name)));
  const unchanged = read.ok && digestOf(read.bytes) === file.digest;
  try {
    if (unchanged) await approve(database, id, { by, reason: `the approval file, for ${file.digest}` });
    else
      await reject(database, id, {
        by,
        reason: 'its file was changed after the PENDING note; the new text needs an approval of its own',
      });
  } catch (error) {
    // Somebody was faster; the first decision stands, and the file is used up all the same.
    if (!(error instanceof AppError && (error.code === 'conflict' || error.code === 'not_found')))
      throw error;
    log.info({ file: file.name }, error.message);
  }
  await unlink(used).catch(() => undefined);
}

/**
 * By the file system's own clock, which ticks every few milliseconds, and by the approval's change time, which nobody
 * can set back. The note's own change time is of the moment after it appeared, when an approval may already be there.
 */
async function isOlderThanNote({ folders }: BridgeParts, file: OpenFile, approval: string): Promise<boolean> {
  const [ok, note] = await Promise.all(
    [approval, folders.path('outputs', file.note ?? '')].map((path) =>
      lstat(path, { bigint: true }).then(toSignature, () => null),
    ),
  );
  if (!ok || !note || typeof ok === 'string' || typeof note === 'string') return true;
  return ok.ctimeNs < note.mtimeNs || ok.mtimeNs < note.mtimeNs;
}
