import { startChild } from '../lib/children.mjs';
import { pause } from '../lib/clock.mjs';
import { postgresCpuSeconds, postmasterOf } from '../lib/costs.mjs';
import { withPool } from '../lib/postgres.mjs';
import { inRounds, rowsOf } from '../lib/rounds.mjs';
import { warm } from '../lib/warm.mjs';
import { opsloop, untilAllDone } from '../participants/opsloop.mjs';

const MOST_ROUNDS = 3;
const SETTLE_MS = 5_000;
const LOOK_MS = 500;
const PROPOSALS = 20_000;

/** CPU of an idle system, and memory of an idle and a loaded one. */
const measure = (url, proposals, seconds) =>
  withPool(url, async (pool) => {
    const one = opsloop();
    await warm(one, url);
    const { rows } = await pool.query('select pg_backend_pid() as pid');
    const postmaster = postmasterOf(rows[0].pid);
    const postgresOverTime = async () => {
      const before = postgresCpuSeconds(postmaster);
      await pause(seconds * 1_000);
      return (100 * (postgresCpuSeconds(postmaster) - before)) / seconds;
    };
    await pause(SETTLE_MS);
    const alone = await postgresOverTime();
    const child = startChild('opsloop.mjs');
    const options = { parts: { heartbeat: true, files: true, webhooks: true } };
    await child.ask('start', { url, http: true, options });
    await pause(SETTLE_MS);
    await child.ask('resetUsage');
    const together = await postgresOverTime();
    const idle = await child.ask('usage');
    const producer = startChild('producer.mjs');
    await producer.ask('start', { spec: one.spec, url });
    await producer.ask('flood', { group: 'flood', together: 50, atOnce: 4, allowed: proposals });
    await producer.ask('allSent');
    await producer.ask('endFlood');
    await untilAllDone(pool, LOOK_MS);
    const loaded = await child.ask('usage');
    await producer.stop();
    await child.stop();
    const ofProcess = (100 * idle.cpuSeconds) / seconds;
    return {
      ofProcess,
      ofPostgres: together - alone,
      both: ofProcess + together - alone,
      alone,
      rssIdle: idle.rssMb,
      rssLoaded: loaded.rssMb,
    };
  });

export const footprint = {
  name: 'footprint',
  heading: '9. CPU and memory of a process',
  what:
    'One process with everything that `opsloop up` runs: API, worker, heartbeat, schedules, calls and files. While nothing happens its CPU ' +
    'is taken, and that of all processes of PostgreSQL beyond what they use when opsloop does not run, in percent of one ' +
    'core. Its memory is taken then, and after it worked off 20,000 steps that another process proposed meanwhile.',
  async run({ postgres, quick, rounds, minutes, progress }) {
    const seconds = minutes ? minutes * 60 : quick ? 10 : 30;
    const proposals = quick ? PROPOSALS / 4 : PROPOSALS;
    const title = '9. CPU and memory';
    const found = await inRounds(
      { rounds: Math.min(rounds, MOST_ROUNDS), participants: [{ name: 'opsloop' }], progress, title },
      () => postgres.use((url) => measure(url, proposals, seconds)),
    );
    return [
      {
        id: 'footprint-cpu',
        title: `9f. CPU of an idle system (${seconds} s)`,
        unit: '% of a core',
        better: 'less',
        rows: rowsOf(found, {
          ofProcess: 'the process',
          ofPostgres: 'PostgreSQL for it',
          both: 'both together',
          alone: 'PostgreSQL without it',
        }),
      },
      {
        id: 'footprint-memory',
        title: `9g. Resident memory of the process`,
        unit: 'MB',
        better: 'less',
        rows: rowsOf(found, { rssIdle: 'idle', rssLoaded: `after ${proposals.toLocaleString('en')} steps` }),
      },
    ];
  },
};
