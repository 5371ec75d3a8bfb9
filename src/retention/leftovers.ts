import type { Database } from '../db/database.ts';
import { dropEvents, type Findings, findEvents, selectLoose, tryLockPruner } from '../events/proof/drop.ts';
import type { LogKey } from '../events/proof/key.ts';
import { uuid7Floor } from '../lib/uuid7.ts';
import { anyOldBeats, deleteLeftovers, selectOldUnusable, selectOldWorkers } from './leftover-queries.ts';

/** Rows that one reading of the log looks at, and things that one transaction drops. */
const ROWS_AT_ONCE = 10_000;
const MOST_AT_ONCE = 500;
const DAY_MS = 86_400_000;

export type Given = { before: Date; reason: string };
export type Loose = {
  events: number;
  damaged: number | null;
  /** The last row that was looked at. */
  throughId: number;
  /** Where to go on; null at the end of what is old. */
  next: number | null;
};

/** Drops what among the next rows of the log belongs to no proposal and is over: beats, reports, sightings. */
export async function dropLoose(
  database: Database,
  key: LogKey,
  given: Given & { afterId: number },
): Promise<Loose | null> {
  const { ids, last, goOn } = await selectLoose(database, given.afterId, given.before, ROWS_AT_ONCE);
  const place = { throughId: last ?? given.afterId, next: goOn ? last : null };
  if (ids.length === 0) return { events: 0, damaged: null, ...place };
  return database.transaction(async (tx) => {
    if (!(await tryLockPruner(tx))) return null;
    const { good, damaged } = sort(await findEvents(tx, { ids }, given.before));
    if (good.length > 0) await dropEvents(tx, key, good, { cause: causeOf(given), what: {} });
    return { events: good.length, damaged, ...place };
  });
}

/** These stand alone, so each is dropped if it can be, whatever becomes of the others about the same thing. */
function sort(found: Map<string, Findings>): { good: number[]; damaged: number | null } {
  const all = [...found.values()];
  return {
    good: all.flatMap((one) => one.free),
    damaged: all.find((one) => one.damaged !== null)?.damaged ?? null,
  };
}

export type Leftovers = { events: number; workers: number; damaged: number | null };

/**
 * Drops workers that ended long ago and files that were refused, with their events, and the rows of old beats.
 * Their events are found by walking what is left of the old part of the log, which is little by now.
 * @param throughId the end of that part
 */
export async function dropLeftovers(
  database: Database,
  key: LogKey,
  given: Given & { throughId: number },
): Promise<Leftovers | null> {
  const { before, throughId } = given;
  // Ids are drawn by the clocks of several machines.
  const below = uuid7Floor(new Date(before.getTime() + DAY_MS));
  const workers = await selectOldWorkers(database, { before, below, limit: MOST_AT_ONCE });
  const files = await selectOldUnusable(database, before, MOST_AT_ONCE);
  if (workers.length + files.length === 0 && !(await anyOldBeats(database, before)))
    return { events: 0, workers: 0, damaged: null };

  return database.transaction(async (tx) => {
    if (!(await tryLockPruner(tx))) return null;
    const about = async (entity: string, entityIds: string[]) =>
      entityIds.length === 0
        ? new Map<string, Findings>()
        : findEvents(tx, { entity, entityIds, throughId }, before);
    const ofWorkers = await about('worker', workers);
    const ofFiles = await about(
      'file',
      files.map((file) => file.id),
    );
    const ofOutputs = await about(
      'artefact',
      files.flatMap((file) => file.outputs),
    );
    const oldWorkers = workers.filter((id) => isRipe(ofWorkers.get(id)));
    const oldFiles = files.filter(
      (file) => isRipe(ofFiles.get(file.id)) && file.outputs.every((name) => isRipe(ofOutputs.get(name))),
    );
    const ids = [
      ...oldWorkers.map((id) => ofWorkers.get(id)),
      ...oldFiles.map((file) => ofFiles.get(file.id)),
      ...oldFiles.flatMap((file) => file.outputs.map((name) => ofOutputs.get(name))),
    ].flatMap((found) => found?.ids ?? []);
    const what = await deleteLeftovers(tx, {
      workers: oldWorkers,
      files: oldFiles.map((file) => file.id),
      before,
      limit: ROWS_AT_ONCE,
    });
    const any = ids.length + Object.values(what).reduce((sum, count) => sum + count, 0) > 0;
    if (any) await dropEvents(tx, key, ids, { cause: causeOf(given), what });
    const all = [...ofWorkers.values(), ...ofFiles.values(), ...ofOutputs.values()];
    const damaged = all.find((one) => one.damaged !== null)?.damaged ?? null;
    return { events: ids.length, workers: oldWorkers.length, damaged };
  });
}

function isRipe(found: Findings | undefined): boolean {
  return found !== undefined && found.ripe && found.damaged === null;
}

function causeOf({ reason }: Given) {
  return { by: 'retention', reason };
}
