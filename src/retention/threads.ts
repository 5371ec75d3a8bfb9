import type { Database, Db } from '../db/database.ts';
import { countThreads, dropEvents, type Findings, findEvents, tryLockPruner } from '../events/proof/drop.ts';
import type { LogKey } from '../events/proof/key.ts';
import { groupBy } from '../lib/group-by.ts';
import { uuid7Floor } from '../lib/uuid7.ts';
import {
  deleteThreads,
  lockProposals,
  type Relative,
  selectEnded,
  selectFamilies,
  selectInUse,
} from './thread-queries.ts';

/** One transaction stays well below a second with these. */
const MOST_THREADS = 500;
const MOST_EVENTS = 10_000;

/** What is dropped together or not at all: a proposal, or all proposals and files that go back to one file. */
type Unit = { through: string; proposals: string[]; files: string[]; over: boolean };

export type Round = {
  proposals: number;
  events: number;
  /** The first event that is not what was sealed, of a thread that was kept therefore. */
  damaged: number | null;
  /** Where the next round goes on; null when there is nothing more. */
  next: string | null;
};

/** Drops the oldest threads that ended before a time, in one transaction. Null when another process is at it. */
export function dropThreads(
  database: Database,
  key: LogKey,
  given: { before: Date; after: string; reason: string },
): Promise<Round | null> {
  const { before, after, reason } = given;
  return database.transaction(async (tx) => {
    if (!(await tryLockPruner(tx))) return null;
    const { units, next } = await nextUnits(tx, before, after);
    const ids = units.flatMap((unit) => unit.proposals);
    const free = await lockProposals(tx, ids);
    const inUse = await selectInUse(tx, ids, before);
    const found = await findEvents(tx, { proposals: ids }, before);

    const findings = (unit: Unit) => unit.proposals.map((id) => found.get(id));
    const ripe = units.filter(
      (unit) =>
        unit.over &&
        unit.proposals.every((id) => free.has(id) && !inUse.has(id)) &&
        findings(unit).every((one) => one?.ripe && one.ends > 0 && one.damaged === null),
    );
    const damaged = units.flatMap(findings).find((one) => one && one.damaged !== null)?.damaged ?? null;
    if (ripe.length === 0) return { proposals: 0, events: 0, damaged, next };

    const deleted = await deleteThreads(
      tx,
      ripe.flatMap((unit) => unit.proposals),
      ripe.flatMap((unit) => unit.files),
    );
    const events = ripe.flatMap(findings).flatMap((one: Findings | undefined) => one?.ids ?? []);
    await dropEvents(tx, key, events, { cause: { by: 'retention', reason }, what: deleted });
    return { proposals: deleted.proposals, events: events.length, damaged, next };
  });
}

/** What to look at next: as many threads as one transaction bears, at least one unit. */
async function nextUnits(
  tx: Db,
  before: Date,
  after: string,
): Promise<{ units: Unit[]; next: string | null }> {
  const ended = await selectEnded(tx, { after, below: uuid7Floor(before), before, limit: MOST_THREADS });
  const roots = [...new Set(ended.flatMap(({ root_id }) => root_id ?? []))];
  const families = roots.length === 0 ? new Map() : groupBy(await selectFamilies(tx, roots, before), rootOf);
  const told = new Set<string>();
  const all: Unit[] = [];
  for (const { id, root_id: root } of ended) {
    if (root === null) all.push({ through: id, proposals: [id], files: [], over: true });
    else if (!told.has(root)) all.push(toUnit(id, families.get(root) ?? []));
    if (root !== null) told.add(root);
  }
  const counts = await countThreads(
    tx,
    all.flatMap((unit) => unit.proposals),
  );
  const units = upTo(all, counts);
  const isAll = units.length === all.length && ended.length < MOST_THREADS;
  const last = units.length === all.length ? ended.at(-1)?.id : units.at(-1)?.through;
  return { units, next: isAll ? null : (last ?? null) };
}

const rootOf = (file: Relative) => file.root_id;

function toUnit(through: string, files: Relative[]): Unit {
  return {
    through,
    proposals: files.flatMap((file) => file.proposal_id ?? []),
    files: files.map((file) => file.id),
    over: files.every((file) => file.over),
  };
}

function upTo(all: Unit[], counts: Map<string, number>): Unit[] {
  let [threads, events] = [0, 0];
  const end = all.findIndex((unit, at) => {
    threads += unit.proposals.length;
    events += unit.proposals.reduce((sum, id) => sum + (counts.get(id) ?? 0), 0);
    return at > 0 && (threads > MOST_THREADS || events > MOST_EVENTS);
  });
  return end === -1 ? all : all.slice(0, end);
}
