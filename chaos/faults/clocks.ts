import { ALL_CLOCKS, WALL_CLOCK } from '../stage/cast.ts';
import { isStopped } from '../stage/proc.ts';
import type { Stage } from '../stage/stage.ts';
import { until } from '../lib/time.ts';
import type { Fault, Strike } from './fault.ts';
import { deathOf, holdsSteps } from './queries.ts';

const HOUR = 3_600;
/** A fast clock gains so much in the time of the fault, at the least. */
const GAINED_MS = 2_000;
const HOST_SLEEPS_SECONDS = 15;

/** Sets the clock of a program; it says by itself what it sees. */
const skew =
  (seconds: number, speed: number, isSeen: (aheadMs: number, fasterMs: number) => boolean) =>
  async (stage: Stage, target: string): Promise<Strike> => {
    const clock = stage.clock(target);
    const tells = () => {
      const told = clock.shows();
      return told?.pid === stage.actor(target).pid() ? told : null;
    };
    // One that has just begun may not have said anything yet.
    const shown = await until(tells, 5_000);
    const start = {
      real: performance.now(),
      mono: shown?.mono ?? 0,
      ahead: (shown?.wall ?? Date.now()) - Date.now(),
    };
    let seen: string | null = null;
    const look = () => {
      const told = tells();
      if (seen !== null || told === null) return;
      const ahead = told.wall - Date.now() - start.ahead;
      const faster = told.mono - start.mono - (performance.now() - start.real);
      if (isSeen(ahead, faster))
        seen = `its clock went ${Math.round(ahead / 1000)} s ahead, that of its timers ${Math.round(faster / 1000)} s`;
    };
    clock.set(Math.round(start.ahead / 1_000) + seconds, speed);
    const looking = setInterval(look, 200);
    return {
      async end() {
        clearInterval(looking);
        clock.right();
      },
      evidence: () => seen,
    };
  };

/** The whole machine stands still, and hours have passed when it wakes up. */
const suspend = async (stage: Stage, target: string): Promise<Strike> => {
  const actor = stage.actor(target);
  const clock = stage.clock(target);
  const pid = actor.pid();
  const at = Date.now();
  await until(() => holdsSteps(stage.database, target), 3_000);
  actor.signal('SIGSTOP');
  const stopped = await until(() => isStopped(pid), 2_000);
  let ahead = 0;
  return {
    async end() {
      clock.set(8 * HOUR);
      actor.signal('SIGCONT');
      const told = await until(() => {
        const shown = clock.shows();
        return shown?.pid === pid && shown.wall - Date.now() > HOUR * 1_000 ? shown : null;
      }, 5_000);
      ahead = told === null ? 0 : told.wall - Date.now();
      clock.right();
    },
    async evidence() {
      const died = await deathOf(stage.database, target, at);
      if (!stopped || !died) return null;
      // Asked before the end, too, when the clock has not jumped yet.
      return isStopped(pid)
        ? `process ${pid} stands still; ${died} was declared dead`
        : ahead > 0
          ? `process ${pid} stood still; ${died} was declared dead; it woke up ${Math.round(ahead / 3_600_000)} h later`
          : null;
    },
  };
};

const later = (ahead: number) => ahead > (HOUR / 2) * 1_000;
const earlier = (ahead: number) => ahead < -(HOUR / 2) * 1_000;

export const CLOCK_FAULTS: Fault[] = [
  {
    name: 'clock-forward',
    lane: 'processes',
    targets: [WALL_CLOCK, ALL_CLOCKS],
    seconds: 5,
    strike: skew(HOUR, 1, later),
  },
  // Clocks of timers never go back on any machine, so only that on the wall does.
  {
    name: 'clock-backward',
    lane: 'processes',
    targets: [WALL_CLOCK],
    seconds: 5,
    strike: skew(-HOUR, 1, earlier),
  },
  {
    name: 'clock-fast',
    lane: 'processes',
    targets: [ALL_CLOCKS],
    seconds: 6,
    strike: skew(0, 3, (_ahead, faster) => faster > GAINED_MS),
  },
  {
    name: 'suspended-host',
    lane: 'processes',
    targets: [WALL_CLOCK],
    seconds: HOST_SLEEPS_SECONDS,
    strike: suspend,
  },
];
