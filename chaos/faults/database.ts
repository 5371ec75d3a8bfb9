import type { Stage } from '../stage/stage.ts';
import type { Fault, Strike } from './fault.ts';

const FULL = 'No space left on device';

const killPostgres = async (stage: Stage): Promise<Strike> => {
  const { postgres } = stage;
  const pid = postgres.pid();
  const killed = await postgres.kill();
  const place = postgres.log().length;
  return {
    end: () => postgres.start(),
    evidence() {
      // It was down already: another fault's work.
      if (!killed) return null;
      if (postgres.pid() === pid)
        return postgres.isRunning() ? null : `postmaster ${pid} and its children killed`;
      const recovered = postgres.log().slice(place).includes('was not properly shut down');
      return recovered ? `postmaster ${pid} and its children killed; the next one recovered` : null;
    },
  };
};

const takePoolerAway =
  (signal: NodeJS.Signals) =>
  async (stage: Stage): Promise<Strike> => {
    const ended = await stage.pooler.stop(signal);
    return { end: () => stage.pooler.start(), evidence: () => `PgBouncer ended by ${signal} (${ended})` };
  };

/** PostgreSQL may stop for it; whoever frees the disk then starts it again, as an operator would. */
const fillDisk = async ({ postgres, volumes }: Stage): Promise<Strike> => {
  const place = postgres.log().length;
  volumes.database.fill();
  return {
    async end() {
      volumes.database.free();
      await postgres.start();
    },
    evidence() {
      const times = postgres.log().slice(place).split(FULL).length - 1;
      return times > 0 ? `PostgreSQL met the full disk ${times} times` : null;
    },
  };
};

export const DATABASE_FAULTS: Fault[] = [
  { name: 'kill-postgres', lane: 'database', targets: ['postgres'], seconds: 3, strike: killPostgres },
  {
    name: 'restart-pgbouncer',
    lane: 'database',
    targets: ['pgbouncer'],
    seconds: 2,
    strike: takePoolerAway('SIGTERM'),
  },
  {
    name: 'kill-pgbouncer',
    lane: 'database',
    targets: ['pgbouncer'],
    seconds: 3,
    strike: takePoolerAway('SIGKILL'),
  },
  { name: 'disk-full-database', lane: 'database', targets: ['postgres'], seconds: 8, strike: fillDisk },
];
