import { readdirSync, readFileSync } from 'node:fs';
import { until } from './postgres.mjs';

/** The kernel's unit of time in /proc, on every Linux that runs Node. */
const TICK_SECONDS = 0.01;
const PATIENCE_MS = 60_000;

/** What the database counted so far. Backends report when they end, so look after they have. */
export async function readCounters(pool) {
  // A count of this very connection is not of interest, and is the same each time.
  await pool.query('select pg_stat_force_next_flush()');
  const { rows } = await pool.query(
    `select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 as wal,
       (select wal_fpi::float8 from pg_stat_wal) as pages,
       (select xact_commit::float8 from pg_stat_database where datname = current_database()) as commits,
       (select sum(n_tup_upd)::float8 from pg_stat_user_tables) as updates,
       (select sum(n_tup_hot_upd)::float8 from pg_stat_user_tables) as hot`,
  );
  return rows[0];
}

const OTHERS =
  'select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() limit 1';

/** Until nobody else is connected: then everybody has reported. */
export const untilAlone = (pool) =>
  until(async () => (await pool.query(OTHERS)).rowCount === 0, 20, PATIENCE_MS);

/** Whose child this backend is: the process that all of PostgreSQL descends from. Null elsewhere than on Linux. */
export const postmasterOf = (backendPid) => statOf(backendPid)?.parent ?? null;

/** Seconds of CPU that PostgreSQL has used: all its processes, and those that have ended. */
export function postgresCpuSeconds(postmaster) {
  if (postmaster === null) return Number.NaN;
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => statOf(pid))
    .filter((stat) => stat?.parent === postmaster);
  const own = statOf(postmaster);
  return (own.used + own.usedByEnded + all.reduce((sum, { used }) => sum + used, 0)) * TICK_SECONDS;
}

function statOf(pid) {
  try {
    // The name of the program, in brackets, can hold anything.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ').map(Number);
    const [parent, user, system, endedUser, endedSystem] = [1, 11, 12, 13, 14].map((n) => fields[n]);
    return { parent, used: user + system, usedByEnded: endedUser + endedSystem };
  } catch {
    return null;
  }
}
