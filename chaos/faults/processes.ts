import { CARRIERS, SERVERS, WORKERS } from '../stage/cast.ts';
import { isStopped } from '../stage/proc.ts';
import type { Stage } from '../stage/stage.ts';
import { until } from '../lib/time.ts';
import type { Fault, Strike } from './fault.ts';
import { deathOf, holdsSteps } from './queries.ts';

/** Longer than a lease of 10 s, so that the others take over, and it wakes up as a zombie. */
const LEASE_SECONDS = 10;
const LONGER_THAN_A_LEASE = 14;
/** A worker is struck while it has something to lose, if it gets something in this time. */
const UNTIL_BUSY_MS = 3_000;

const kill = async (stage: Stage, target: string): Promise<Strike> => {
  const actor = stage.actor(target);
  const pid = actor.pid();
  await until(() => holdsSteps(stage.database, target), UNTIL_BUSY_MS);
  actor.signal('SIGKILL');
  const { signal } = await actor.ended();
  return {
    async end() {
      actor.start();
    },
    evidence: () => (signal === 'SIGKILL' ? `process ${pid} ended by ${signal}` : null),
  };
};

/** @param dies whether it must be declared dead; workers over HTTP lose their claims before that */
const freeze =
  (dies: boolean) =>
  async (stage: Stage, target: string): Promise<Strike> => {
    const actor = stage.actor(target);
    const pid = actor.pid();
    const at = Date.now();
    await until(() => holdsSteps(stage.database, target), UNTIL_BUSY_MS);
    actor.signal('SIGSTOP');
    let stood = 0;
    return {
      async end() {
        actor.signal('SIGCONT');
      },
      async evidence() {
        if (isStopped(pid)) stood = Math.round((Date.now() - at) / 1_000);
        const died = await deathOf(stage.database, target, at);
        if (stood < LEASE_SECONDS || (dies && !died)) return null;
        return `process ${pid} stood still for ${stood} s${died ? `; ${died} was declared dead` : ''}`;
      },
    };
  };

export const PROCESS_FAULTS: Fault[] = [
  { name: 'kill-worker', lane: 'processes', targets: WORKERS, seconds: 3, strike: kill },
  { name: 'kill-server', lane: 'processes', targets: SERVERS, seconds: 3, strike: kill },
  { name: 'kill-http-worker', lane: 'processes', targets: CARRIERS, seconds: 3, strike: kill },
  {
    name: 'freeze-worker',
    lane: 'processes',
    targets: ['worker-1'],
    seconds: LONGER_THAN_A_LEASE,
    strike: freeze(true),
  },
  {
    name: 'freeze-server',
    lane: 'processes',
    targets: SERVERS,
    seconds: LONGER_THAN_A_LEASE,
    strike: freeze(true),
  },
  {
    name: 'freeze-http-worker',
    lane: 'processes',
    targets: CARRIERS,
    seconds: LONGER_THAN_A_LEASE,
    strike: freeze(false),
  },
];
