import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import { until, withPool } from '../lib/postgres.mjs';

const quiet = new Logger(() => () => {});
const LOOK_MS = 5;

/** Keeps nothing: a job that is done is deleted. */
export function graphileWorker({ localQueue }) {
  const start = (url, { concurrency, onStart }) => {
    const worker = {
      connectionString: url,
      maxPoolSize: localQueue ? 10 : concurrency + 2,
      concurrentJobs: concurrency,
    };
    return run({
      preset: {
        worker: localQueue
          ? { ...worker, localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 }
          : worker,
      },
      logger: quiet,
      noHandleSignals: true,
      taskList: { noop: async (payload) => onStart?.(payload.mark) },
    });
  };

  return {
    name: localQueue ? 'graphile-worker, local queue 500' : 'graphile-worker',
    spec: ['graphile-worker', { localQueue }],
    keeps: 'nothing: a finished job is deleted',
    async prepare(url) {
      const utils = await makeWorkerUtils({ connectionString: url, logger: quiet });
      await utils.migrate();
      await utils.release();
    },
    fill: (url, count) =>
      withPool(url, async (pool) => {
        await pool.query(
          `select graphile_worker.add_jobs(array(
             select json_populate_record(null::graphile_worker.job_spec, json_build_object('identifier', 'noop', 'payload', json_build_object('n', n)))
             from generate_series(1, $1) n))`,
          [count],
        );
        await pool.query('vacuum analyze');
      }),
    /** Seconds from the first worker to the last completion that is committed. */
    drain: (url, { concurrency, lookEveryMs = LOOK_MS }) =>
      withPool(url, async (pool) => {
        const began = performance.now();
        const runner = await start(url, { concurrency });
        const left = 'select from graphile_worker._private_jobs limit 1';
        await until(async () => (await pool.query(left)).rowCount === 0, lookEveryMs);
        const seconds = (performance.now() - began) / 1000;
        await runner.stop();
        return seconds;
      }),
    async consume(url, options) {
      const runner = await start(url, options);
      return {
        send: (marks) => Promise.all(marks.map((mark) => runner.addJob('noop', { mark }))),
        stop: () => runner.stop(),
      };
    },
    /** What is sent together is one statement. */
    async produce(url) {
      const utils = await makeWorkerUtils({ connectionString: url, logger: quiet });
      return {
        send: (marks) => utils.addJobs(marks.map((mark) => ({ identifier: 'noop', payload: { mark } }))),
        stop: () => utils.release(),
      };
    },
  };
}
