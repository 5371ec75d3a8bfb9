import { lstat, readdir } from 'node:fs/promises';
import type { BridgeParts } from './bridge-parts.ts';
import { isTaskName, nameProblem, stemOf } from './conventions/names.ts';
import { type Folders, inRealFolder, unavailable } from './disk/folders.ts';
import {
  forgetAllSeen,
  forgetSeen,
  rememberSeen,
  type Seen,
  selectSeen,
  tellSeen,
} from './observe-queries.ts';
import { isObserved, noteObserved } from './owner-queries.ts';

const AT_ONCE = 500;
const STATS_AT_ONCE = 64;

type Found = Seen & { kinds: string[]; stem: string };

/**
 * Watches a workspace that somebody else works: writes `file.task_created`, `file.task_completed` and
 * `file.output_created`, also for what happened while nobody looked. What was there before the first look is
 * history and only counted; tasks that still wait are told of.
 */
export function makeObserver(parts: BridgeParts) {
  const { database, folders, ownership } = parts;
  const { workspaceId } = ownership;
  let known: Map<string, Seen> | null = null;
  const keyOf = ({ dir, name }: Pick<Seen, 'dir' | 'name'>) => `${dir}/${name}`;

  const begin = async (found: Found[]): Promise<Map<string, Seen>> => {
    if (await isObserved(database, workspaceId)) {
      const seen = await selectSeen(database, workspaceId);
      return new Map(seen.map((one) => [keyOf(one), one]));
    }
    await forgetAllSeen(database, workspaceId);
    const history = found.filter((one) => !(one.dir === 'inbox' && isTaskName(one.name)));
    for (let at = 0; at < history.length; at += AT_ONCE)
      await rememberSeen(database, workspaceId, history.slice(at, at + AT_ONCE));
    await noteObserved(database, workspaceId, {
      known: history.length,
      waiting: found.length - history.length,
    });
    return new Map(history.map((one) => [keyOf(one), one]));
  };

  return async function observe(): Promise<void> {
    const inbox = await list(folders, 'inbox', known);
    const isDone = (one: Found) => one.kinds[0] === 'file.task_completed';
    // In the order in which it happens: a task, its output, its end.
    const found = [
      ...inbox.filter((one) => !isDone(one)),
      ...(await list(folders, 'outputs', known)),
      ...inbox.filter(isDone),
    ];
    known ??= await begin(found);
    const before = known;
    const now = new Map(found.map((one) => [keyOf(one), one]));

    const fresh = found.filter((one) => before.get(keyOf(one))?.version !== one.version);
    for (const one of fresh) {
      const wasOpen = before.has(`inbox/${one.stem}.txt`);
      // Made and done between two looks: both are told.
      if (isDone(one) && !wasOpen) one.kinds.unshift('file.task_created');
    }
    for (let at = 0; at < fresh.length; at += AT_ONCE) {
      const chunk = fresh.slice(at, at + AT_ONCE);
      await tellSeen(database, ownership, chunk);
      for (const one of chunk) before.set(keyOf(one), one);
      database.hints.tell('events');
    }
    const gone = [...before.values()].filter((one) => !now.has(keyOf(one)));
    if (gone.length > 0) await forgetSeen(database, workspaceId, gone);
    for (const one of gone) before.delete(keyOf(one));
  };
}

/** Looks only at files that can be new: an output's name is its version, and so is a known task's. */
function list(folders: Folders, dir: Seen['dir'], known: ReadonlyMap<string, Seen> | null): Promise<Found[]> {
  return inRealFolder(folders, dir, (path) => listIn(path, dir, known));
}

async function listIn(
  path: string,
  dir: Seen['dir'],
  known: ReadonlyMap<string, Seen> | null,
): Promise<Found[]> {
  const names = await readdir(path).catch((error: unknown) => {
    throw unavailable(path, error);
  });
  const wanted = names
    .filter((name) => nameProblem(name) === null)
    .flatMap((name) => {
      const kind = kindOf(dir, name);
      return kind === null ? [] : [{ name, kind }];
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const found: Found[] = [];
  for (let at = 0; at < wanted.length; at += STATS_AT_ONCE) {
    const chunk = await Promise.all(
      wanted.slice(at, at + STATS_AT_ONCE).map(async ({ name, kind }): Promise<Found[]> => {
        const before = dir === 'outputs' ? known?.get(`outputs/${name}`) : undefined;
        const version = before?.version ?? (await versionOf(`${path}/${name}`, kind));
        const stem = dir === 'inbox' ? stemOf(name) : (name.split('__')[0] ?? name);
        return version === null ? [] : [{ dir, name, version, kinds: [kind], stem }];
      }),
    );
    found.push(...chunk.flat());
  }
  return found;
}

function kindOf(dir: Seen['dir'], name: string): string | null {
  if (dir === 'outputs') return name.endsWith('.md') ? 'file.output_created' : null;
  if (name.endsWith('.txt.done')) return 'file.task_completed';
  return isTaskName(name) ? 'file.task_created' : null;
}

/**
 * What makes a file of the same name another one: for a finished one its content, for a task the file itself,
 * because people write to it in place. An output has its time in its name.
 */
async function versionOf(path: string, kind: string): Promise<string | null> {
  const found = await lstat(path).catch(() => null);
  if (!found?.isFile()) return null;
  if (kind === 'file.task_completed') return `${found.mtimeMs}-${found.size}`;
  return kind === 'file.task_created' ? String(found.ino) : '';
}
