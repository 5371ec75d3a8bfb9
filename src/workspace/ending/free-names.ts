import { isThere } from '../../lib/files.ts';
import type { BridgeParts } from '../bridge-parts.ts';
import { numbered, outputName } from '../conventions/names.ts';
import { takenOutputs } from '../file-read-queries.ts';

const MOST_TRIES = 1_000;

/** An output's name that neither the database nor the folder has: a second later when this one is taken. */
export async function freeOutputName(
  { database, folders }: BridgeParts,
  stem: string,
  suffix = '',
): Promise<string> {
  const now = Date.now();
  for (let from = 0; from < MOST_TRIES; from += 10) {
    const names = Array.from({ length: 10 }, (_, i) =>
      outputName(stem, new Date(now + (from + i) * 1_000), suffix),
    );
    const taken = await takenOutputs(database, names);
    for (const name of names) {
      if (!taken.has(name) && !(await isThere(folders.path('outputs', name)))) return name;
    }
  }
  throw new Error(`no free name for an output of ${stem}`);
}

/** `name`, or the first numbered one that is not in use and not in the inbox; it is in use from now on. */
export async function freeTaskName(
  { folders }: BridgeParts,
  name: string,
  inUse: Set<string>,
): Promise<string> {
  for (let number = 1; number <= 10 * MOST_TRIES; number++) {
    const candidate = numbered(name, number);
    if (inUse.has(candidate)) continue;
    inUse.add(candidate);
    if (!(await isThere(folders.path('inbox', candidate)))) return candidate;
  }
  throw new Error(`no free name for the task ${name}`);
}
