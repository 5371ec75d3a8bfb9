import { toError } from '../../src/errors.ts';
import { sleep, until } from '../lib/time.ts';
import { LANES, type Planned } from '../plan.ts';
import type { Stage } from '../stage/stage.ts';
import { FAULTS } from './all.ts';
import type { Strike } from './fault.ts';

/** A fault of the plan, and what came of it. Times are in milliseconds since 1970. */
export type Struck = Planned & { beganAt: number; endedAt: number; evidence: string | null };

/** A fault waits so much longer than planned for its evidence: it can strike only what happens to pass by. */
const PATIENCE_MS = 20_000;
/** Evidence that comes after the end, such as a worker that starts over. */
const AFTERWARDS_MS = 15_000;

/** Strikes with every fault of the plan at its time; what comes too late because of the one before comes next. */
export async function strikeAll(
  stage: Stage,
  plan: readonly Planned[],
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<Struck[]> {
  const start = performance.now();
  const ended: Ended[] = [];
  const lanes = LANES.map(async (lane) => {
    for (const planned of plan.filter((one) => one.lane === lane)) {
      await sleep(Math.max(0, planned.atSeconds * 1_000 - (performance.now() - start)), signal);
      if (signal.aborted) return;
      ended.push(await strikeOne(stage, planned, say, signal));
    }
  });
  await Promise.all(lanes);
  const all = ended.map(async ({ look, ...struck }) => ({
    ...struck,
    evidence: (await until(look, AFTERWARDS_MS, signal)) ?? struck.evidence,
  }));
  return (await Promise.all(all)).sort((a, b) => a.beganAt - b.beganAt);
}

type Ended = Struck & { look: Strike['evidence'] };

async function strikeOne(
  stage: Stage,
  planned: Planned,
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<Ended> {
  const fault = FAULTS.find(({ name }) => name === planned.name);
  if (!fault) throw new Error(`there is no fault ${planned.name}`);
  let beganAt = Date.now();
  say(`${planned.name} strikes ${planned.target}`);
  try {
    const strike = await fault.strike(stage, planned.target);
    beganAt = Date.now();
    await sleep(planned.seconds * 1_000, signal);
    const evidence = await until(() => strike.evidence(), PATIENCE_MS, signal);
    await strike.end();
    return { ...planned, beganAt, endedAt: Date.now(), evidence, look: () => strike.evidence() };
  } catch (error) {
    say(`${planned.name} could not strike: ${toError(error).message}`);
    return { ...planned, beganAt, endedAt: Date.now(), evidence: null, look: () => null };
  }
}
