import { PgBoss } from 'pg-boss';

const QUEUE = 'noop';

/** Keeps finished jobs for a time, without their history. */
export function pgBoss({ batch }) {
  const open = async (url) => {
    const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false, max: 26 });
    boss.on('error', (error) => process.stderr.write(`${error.message}\n`));
    await boss.start();
    return boss;
  };
  return {
    name: `pg-boss, batches of ${batch}`,
    keeps: 'finished jobs, without a history of how',
    async prepare(url) {
      const boss = await open(url);
      await boss.createQueue(QUEUE);
      await boss.stop({ graceful: false });
    },
    async fill(url, count) {
      const boss = await open(url);
      for (let from = 0; from < count; from += 10_000) {
        const jobs = Array.from({ length: Math.min(10_000, count - from) }, (_, i) => ({
          data: { n: from + i },
        }));
        await boss.insert(QUEUE, jobs);
      }
      await boss.stop({ graceful: false });
    },
    /** Its own work() polls every half second at most; fetch and complete is its fastest way. */
    async drain(url, { concurrency, onStart }) {
      const boss = await open(url);
      const began = performance.now();
      const consume = async () => {
        for (;;) {
          const jobs = await boss.fetch(QUEUE, { batchSize: batch });
          if (jobs.length === 0) return;
          for (const job of jobs) onStart?.(job.data);
          await boss.complete(
            QUEUE,
            jobs.map((job) => job.id),
          );
        }
      };
      await Promise.all(Array.from({ length: batch === 1 ? concurrency : 2 }, consume));
      const seconds = (performance.now() - began) / 1000;
      await boss.stop({ graceful: false });
      return seconds;
    },
  };
}
