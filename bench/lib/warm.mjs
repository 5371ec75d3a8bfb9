import { withPool } from './postgres.mjs';

const JOBS = 5_000;

/**
 * A database that has worked already: its tables hold finished jobs and PostgreSQL knows their sizes. On empty ones
 * the first minute, until they are analysed, would be measured instead.
 */
export async function warm(one, url, jobs = JOBS) {
  await one.prepare(url);
  await one.fill(url, jobs);
  await one.drain(url, { concurrency: 500 });
  await withPool(url, (pool) => pool.query('vacuum analyze'));
}
