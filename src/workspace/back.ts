import { makeWake, sleep } from '../lib/wake.ts';
import { makeAttempts } from './attempts.ts';
import type { BridgeParts } from './bridge-parts.ts';
import { askOperator } from './ending/ask-operator.ts';
import { finishFile } from './ending/finish.ts';
import { placePlanned } from './ending/place-planned.ts';
import { settleEnded } from './ending/settle.ts';
import { openNames, selectAttention, selectFinishable, selectUnplaced } from './file-read-queries.ts';
import { type Failing, writePending } from './outputs.ts';
import { requireWorkspace } from './owner.ts';
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

  const { workspaceId } = ownership;
  const attempts = makeAttempts(log);
  /** Several at once; one that fails is left out for a while, and the others go on. */
  const each = async <File extends { id: string }>(files: File[], work: (file: File) => Promise<void>) => {
    for (let at = 0; at < files.length; at += AT_ONCE)
      await Promise.all(files.slice(at, at + AT_ONCE).map((file) => attempts.run(file.id, () => work(file))));
    return files.length;
  };
  const namesInUse = async () => new Set(await openNames(database, workspaceId));

  const endAll = async () => {
    const ended = await selectAttention(database, workspaceId, attempts.waiting(), BATCH);
    if (ended.length === 0) return 0;
    const names = await namesInUse();
    return each(ended, (file) =>
      file.proposal_status === 'pending' ? askOperator(parts, file) : settleEnded(parts, file, names),
    );
  };

  const finishAll = async () =>
    each(await selectFinishable(database, workspaceId, attempts.waiting(), BATCH), (file) =>
      finishFile(parts, file),
    );

  const placeAll = async () => {
    const planned = await selectUnplaced(database, workspaceId, attempts.waiting(), BATCH);
    if (planned.length === 0) return 0;
    const names = await namesInUse();
    return each(planned, (file) => placePlanned(parts, file, names));
  };

  return {
    async run(signal: AbortSignal): Promise<void> {
      await sleep(Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** fruitless), signal);
      await requireWorkspace(folders, workspaceId);
      let work = isProcessing() ? await endAll() : 0;
      const written = await writePending(database, workspaceId, folders, failing, log);
      await troubles.note('outputs written', [...failing.values()].map(({ problem }) => problem)[0] ?? null);
      if (isProcessing()) work += (await finishAll()) + (await placeAll());
      await troubles.note('files that have ended', attempts.problem());
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
