import { makeWake, sleep } from '../lib/wake.ts';
import type { BridgeParts } from './bridge-parts.ts';
import { requireRealFolders } from './disk/folders.ts';
import { askOperator } from './ending/ask-operator.ts';
import { finishFile } from './ending/finish.ts';
import { placePlanned } from './ending/place-planned.ts';
import { settleEnded } from './ending/settle.ts';
import { selectAttention, selectFinishable, selectOpen } from './file-queries.ts';
import { type Failing, writePending } from './outputs.ts';
import type { Troubles } from './told-once.ts';

const POLL_MS = 3_000;
const BATCH = 100;
const AT_ONCE = 8;
/** Hints come with every event of the system; where they bring nothing, they are followed ever more slowly. */
const PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 320;

/** Makes outputs and renames of what has ended, and puts the files in place that answers ask for. */
export function makeBack(parts: BridgeParts, troubles: Troubles, isProcessing: () => boolean) {
  const { database, folders, log, ownership } = parts;
  const wake = makeWake();
  const stopHint = database.hints.on('sealed', wake.call);
  const failing: Failing = new Map();
  let changed: () => void = () => undefined;
  let more = false;
  let fruitless = 0;

  const placeAll = async () => {
    const open = await selectOpen(database, ownership.workspaceId);
    const names = new Set(open.map((file) => file.name));
    const waiting = open.filter((file) => file.status === 'planned' && file.inode === null);
    for (const file of waiting) await placePlanned(parts, file, names);
    return waiting.length;
  };

  const endAll = async () => {
    const ended = await selectAttention(database, ownership.workspaceId, BATCH);
    const settled = ended.filter((file) => file.proposal_status !== 'pending');
    for (const file of ended) if (file.proposal_status === 'pending') await askOperator(parts, file);
    if (settled.length === 0) return ended.length;
    const names = new Set((await selectOpen(database, ownership.workspaceId)).map((file) => file.name));
    await inParallel(settled, (file) => settleEnded(parts, file, names));
    return ended.length;
  };

  const finishAll = async () => {
    const done = await selectFinishable(database, ownership.workspaceId, BATCH);
    await inParallel(done, (file) => finishFile(parts, file));
    return done.length;
  };

  return {
    async run(signal: AbortSignal): Promise<void> {
      await sleep(Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** fruitless), signal);
      await requireRealFolders(folders);
      let work = isProcessing() ? await endAll() : 0;
      const written = await writePending(database, folders.path('outputs'), failing, log);
      await troubles.note('outputs written', [...failing.values()].map(({ problem }) => problem)[0] ?? null);
      if (isProcessing()) work += (await finishAll()) + (await placeAll());
      more = work > 0 || written > 0;
      fruitless = more ? 0 : Math.min(fruitless + 1, 10);
      if (work > 0) changed();
    },
    async wait(signal: AbortSignal) {
      if (more) return;
      const since = performance.now();
      await wake.wait(POLL_MS, signal);
      // After some quiet the first hint is followed at once.
      if (performance.now() - since > LONGEST_PAUSE_MS) fruitless = 0;
    },
    wake: wake.call,
    onChange(call: () => void) {
      changed = call;
    },
    close: stopHint,
  };
}

/** Several at once; each is finished before the first failure is told. */
async function inParallel<Item>(items: Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const failures: unknown[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE) {
    const results = await Promise.allSettled(items.slice(at, at + AT_ONCE).map(work));
    failures.push(...results.filter((one) => one.status === 'rejected').map((one) => one.reason));
  }
  if (failures.length > 0) throw failures[0];
}
