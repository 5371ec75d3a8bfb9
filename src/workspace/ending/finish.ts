import type { BridgeParts } from '../bridge-parts.ts';
import { inRealFolder } from '../disk/folders.ts';
import { finish } from '../file-queries.ts';
import { type Finishable, selectChildren } from '../file-read-queries.ts';
import { keepInMemory } from './memory.ts';
import { renameFinished } from './rename.ts';

/** The end of a task file: its output is in place, so the file in the inbox gets its last name. */
export async function finishFile(
  { database, folders, ownership }: BridgeParts,
  file: Finishable,
): Promise<void> {
  if (file.form === 'goal' && file.result === 'done') await rememberGoal({ database, folders }, file);
  const filename = await inRealFolder(folders, 'inbox', (inbox) =>
    renameFinished(inbox, {
      id: file.id,
      name: file.name,
      inode: file.inode,
      digest: file.digest,
      ending: file.result === 'done' ? 'done' : 'failed',
      text: file.body,
      takenAt: file.created_at,
    }),
  );
  await finish(database, ownership, file.id, filename);
  database.hints.tell('events');
}

async function rememberGoal(
  { database, folders }: Pick<BridgeParts, 'database' | 'folders'>,
  file: Finishable,
): Promise<void> {
  const children = await selectChildren(database, file.id);
  await keepInMemory(folders, {
    goal_file: file.name,
    goal: (file.body ?? '').trim(),
    created_at: file.created_at.toISOString(),
    subtasks: children.map((child) => folders.path('inbox', child.name)),
  });
}
