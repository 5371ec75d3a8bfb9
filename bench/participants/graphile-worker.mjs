import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import { openPool, until } from '../lib/postgres.mjs';

const quiet = new Logger(() => () => {});

/** Keeps nothing: a job that is done is deleted. */
export function graphileWorker({ localQueue }) {
  return {
    name: localQueue ? 'graphile-worker, local queue 500' : 'graphile-worker',
    keeps: 'nothing: a finished job is deleted',
    async prepare(url) {
      const utils = await makeWorkerUtils({ connectionString: url, logger: quiet });
      await utils.migrate();
      await utils.release();
    },
    async fill(url, count) {
      const pool = openPool(url);
      await pool.query(
        `select graphile_worker.add_jobs(array(
           select json_populate_record(null::graphile_worker.job_spec, json_build_object('identifier', 'noop', 'payload', json_build_object('n', n)))
           from generate_series(1, $1) n))`,
        [count],
      );
      await pool.query('vacuum analyze');
      await pool.end();
    },
    /** Seconds from the first worker to the last completion that is committed. */
    async drain(url, { concurrency, onStart }) {
      const pool = openPool(url);
      const worker = {
        connectionString: url,
        maxPoolSize: localQueue ? 10 : concurrency + 2,
        concurrentJobs: concurrency,
      };
      const began = performance.now();
      const runner = await run({
        preset: {
          worker: localQueue
            ? { ...worker, localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 }
            : worker,
        },
        logger: quiet,
        noHandleSignals: true,
        taskList: { noop: async (payload) => onStart?.(payload) },
      });
      await until(
        async () => (await pool.query('select from graphile_worker._private_jobs limit 1')).rowCount === 0,
      );
      const seconds = (performance.now() - began) / 1000;
      await runner.stop();
      await pool.end();
      return seconds;
    },
  };
}
