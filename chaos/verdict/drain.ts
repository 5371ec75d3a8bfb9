import { eventsHead } from '../../src/events/events.ts';
import type { Load } from '../clients/load.ts';
import { countUnwritten } from '../faults/queries.ts';
import { sleep, until } from '../lib/time.ts';
import type { Stage } from '../stage/stage.ts';
import type { Finding } from './facts.ts';
import { countActive, describeActive } from './queries.ts';

/** Within this time after faults and load, every mission must have ended. */
export const DRAIN_LIMIT_MS = 60_000;
/** What takes longer is a violation, and is waited for so long to know whether it is late or lost. */
const GIVE_UP_MS = 180_000;
/** An output that met a full disk is tried again a minute later. */
const OUTPUTS_MS = 90_000;
/** Who has no answer then gets none. */
const ANSWERS_MS = 30_000;
const TAILS_MS = 60_000;

export type Drained = {
  /** From the end of the load, which outlasts the faults, until no mission was active; null: never. */
  ms: number | null;
  /** Where the log ended when the readers were asked to have read it. */
  throughSeq: number;
  findings: Finding[];
};

/** Waits until everything has come to its end, and says what has not, or not in time. */
export async function drain(stage: Stage, load: Load, signal: AbortSignal): Promise<Drained> {
  const { database } = stage;
  const start = performance.now();
  const findings: Finding[] = [];
  const add = (rule: string, what: string) => void findings.push({ rule, what });

  let clientsKnow = false;
  const stopping = async () => {
    await load.stop();
    clientsKnow = true;
  };
  const stopped = stopping();
  const isDrained = async () => clientsKnow && (await countActive(database)) === 0;
  await until(isDrained, DRAIN_LIMIT_MS, signal);
  if (!(await isDrained())) {
    if (!clientsKnow) add('answers', 'clients still had no answer to operations after 60 s');
    for (const what of await describeActive(database)) add('drain', `60 s after the faults: ${what}`);
  }
  const drained = await until(isDrained, GIVE_UP_MS, signal);
  const ms = drained ? Math.round(performance.now() - start) : null;
  if (!drained) add('lost', `missions had not ended after ${GIVE_UP_MS / 1_000} s more`);
  await Promise.race([Promise.all([load.stopWorking(), stopped]), sleep(ANSWERS_MS, signal)]);

  const areWritten = await until(async () => (await countUnwritten(database)) === 0, OUTPUTS_MS, signal);
  if (!areWritten) add('outputs', `outputs were not in the workspace after ${OUTPUTS_MS / 1_000} s`);
  const { seq: throughSeq } = await eventsHead(database);
  await until(() => load.tails.every(({ seen }) => (seen.at(-1)?.seq ?? 0) >= throughSeq), TAILS_MS, signal);
  await load.stopReading();
  return { ms, throughSeq, findings };
}
