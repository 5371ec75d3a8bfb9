import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeDurably } from '../../lib/files.ts';
import { type Folders, inRealFolder } from '../disk/folders.ts';
import { readWhole } from '../disk/read-whole.ts';

/** What the older conductor remembers of a goal, in `state/memory.json`. */
export type Remembered = { goal_file: string; goal: string; created_at: string; subtasks: string[] };

const MEMORY = 'memory.json';
const MOST_BYTES = 64 * 1_048_576;
const Memory = z.looseObject({
  created_tasks: z
    .array(z.looseObject({ goal_file: z.string().optional(), created_at: z.string().optional() }))
    .default([]),
  last_goal: z.unknown().optional(),
  notes: z.array(z.unknown()).default([]),
});

let last: Promise<void> = Promise.resolve();

/** Adds a goal once, one after the other; whatever else is in the file stays. */
export function keepInMemory(folders: Folders, goal: Remembered): Promise<void> {
  const kept = last.then(() => inRealFolder(folders, 'state', (state) => addToMemory(state, goal)));
  last = kept.catch(() => undefined);
  return kept;
}

/** A file that cannot be read is set aside and not lost. */
async function addToMemory(state: string, goal: Remembered): Promise<void> {
  const path = join(state, MEMORY);
  const read = await readWhole(path, { mostBytes: MOST_BYTES });
  const parsed = Memory.safeParse(read.ok ? parseJson(read.text) : {});
  if (!parsed.success || (!read.ok && read.why !== 'vanished')) {
    await rename(path, join(state, `${MEMORY}.broken-${Date.now()}`));
  }
  const memory = parsed.success ? parsed.data : { created_tasks: [], last_goal: null, notes: [] };
  const known = memory.created_tasks.some(
    (task) => task.goal_file === goal.goal_file && task.created_at === goal.created_at,
  );
  if (known) return;
  const next = { ...memory, created_tasks: [...memory.created_tasks, goal], last_goal: goal.goal };
  await writeDurably(path, `${JSON.stringify(next, null, 2)}\n`, 0o644);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
