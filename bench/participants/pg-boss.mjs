import { PgBoss } from 'pg-boss';
import { withPool } from '../lib/postgres.mjs';

const QUEUE = 'noop';
/** The shortest that it allows. */
const POLL_SECONDS = 0.5;
/** With batches two at a time keep the database busy; more would only wait for each other. */
const BATCHES_AT_ONCE = 2;

/** Keeps finished jobs for a time, without their history. */
export function pgBoss({ batch, listen = false }) {
  const open = async (url) => {
    const boss = new PgBoss({
      connectionString: url,
      supervise: false,
      schedule: false,
      max: batch === 1 ? 26 : 10,
      useListenNotify: listen,
    });
    const tell = ({ message }) => process.stderr.write(`pg-boss: ${message}\n`);
    boss.on('error', tell);
    boss.on('warning', tell);
    await boss.start();
    return boss;
  };
  const close = (boss) => boss.stop({ graceful: false });

  return {
    name: `pg-boss, batches of ${batch}${listen ? ', LISTEN' : ''}`,
    spec: ['pg-boss', { batch, listen }],
    keeps: 'finished jobs, without a history of how',
    /** How long a job can wait for the next look at the queue. */
    pollMs: listen ? 0 : POLL_SECONDS * 1_000,
    async prepare(url) {
      const boss = await open(url);
      await boss.createQueue(QUEUE, { notify: listen });
      await close(boss);
    },
    async fill(url, count) {
      const boss = await open(url);
      for (let from = 0; from < count; from += 10_000) {
        const jobs = Array.from({ length: Math.min(10_000, count - from) }, (_, i) => ({
          data: { n: from + i },
        }));
        await boss.insert(QUEUE, jobs);
      }
      await close(boss);
      await withPool(url, (pool) => pool.query('vacuum analyze'));
    },
    /** Its own work() waits between batches that are not full; fetch and complete is its fastest way. */
    async drain(url, { concurrency }) {
      const boss = await open(url);
      const began = performance.now();
      const consume = async () => {
        for (;;) {
          const jobs = await boss.fetch(QUEUE, { batchSize: batch });
          if (jobs.length === 0) return;
          const ids = jobs.map((job) => job.id);
          await boss.complete(QUEUE, ids);
        }
      };
      await Promise.all(Array.from({ length: batch === 1 ? concurrency : BATCHES_AT_ONCE }, consume));
      const seconds = (performance.now() - began) / 1000;
      await close(boss);
      return seconds;
    },
    async consume(url, { onStart }) {
      const boss = await open(url);
      const options = {
        batchSize: batch,
        localConcurrency: BATCHES_AT_ONCE,
        pollingIntervalSeconds: POLL_SECONDS,
        notifyPollingIntervalSeconds: POLL_SECONDS,
        burstWhenBatchFull: true,
      };
      await boss.work(QUEUE, options, async (jobs) => {
        for (const job of jobs) onStart(job.data.mark);
      });
      return {
        send: (marks) => Promise.all(marks.map((mark) => boss.send(QUEUE, { mark }))),
        stop: () => close(boss),
      };
    },
    /** What is sent together is one statement. */
    async produce(url) {
      const boss = await open(url);
      return {
        send: (marks) =>
          boss.insert(
            QUEUE,
            marks.map((mark) => ({ data: { mark } })),
          ),
        stop: () => close(boss),
      };
    },
  };
}
