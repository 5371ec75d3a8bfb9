import { startChild } from '../lib/children.mjs';
import { withPool } from '../lib/postgres.mjs';
import { inRounds, rowsOf } from '../lib/rounds.mjs';
import { opsloop, startApp, untilSealed } from '../participants/opsloop.mjs';
import { serveHttp } from '../../dist/index.js';

const CLIENTS = 24;
const LEAST_EVENTS = 50_000;
const LIST = '/api/ops/events?limit=100';
const PACED = 200;

/** Says again what was said, until the log is as long as it should be. */
async function lengthenLog(url, app) {
  await withPool(url, async (pool) => {
    const { rows } = await pool.query('select count(*)::integer as count from ops_events');
    await pool.query(
      `insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
       select kind, source, entity, entity_id, proposal_id, payload from ops_events, generate_series(1, $1)`,
      [Math.ceil(LEAST_EVENTS / rows[0].count)],
    );
    await untilSealed(app);
    await pool.query('vacuum analyze');
  });
}

async function measure(url, quick) {
  await opsloop().prepare(url);
  const app = await startApp(url, { parts: { worker: false }, migrate: false });
  const server = await serveHttp(app, { host: '127.0.0.1', port: 0 });
  const clients = startChild('http-clients.mjs');
  const many = { url: server.url, clients: CLIENTS };
  await clients.ask('posts', { ...many, requests: quick ? 500 : 2_000 });
  const posts = await clients.ask('posts', { ...many, requests: quick ? 2_000 : 20_000 });
  await lengthenLog(url, app);
  const lists = await clients.ask('gets', { ...many, requests: quick ? 500 : 5_000, path: LIST });
  const rest = await clients.ask('streamLag', { url: server.url, samples: quick ? 50 : 500 });
  const paced = await clients.ask('streamLag', {
    url: server.url,
    samples: quick ? 400 : 4_000,
    perSecond: PACED,
  });
  await clients.stop();
  await server.close();
  await app.stop(0);
  return {
    posts,
    lists,
    restP50: rest.p50,
    restP99: rest.p99,
    pacedP50: paced.p50,
    pacedP99: paced.p99,
  };
}

export const api = {
  name: 'api',
  isQuick: true,
  heading: '4. API',
  what:
    `A server without workers; ${CLIENTS} keep-alive clients in another process. Each POST makes a proposal with its mission ` +
    'and step. The list of events is read from a log of 50,000 events or more, 100 at a time, the newest first. The lag of ' +
    'the event stream is the time from the answer of a POST, which comes after its commit, to the arrival of the last of ' +
    `its events, both seen by the same process: once with one POST at a time, once with ${PACED} a second.`,
  async run({ postgres, quick, rounds, progress }) {
    const title = '4. API';
    const found = await inRounds({ rounds, participants: [{ name: 'opsloop' }], progress, title }, () =>
      postgres.use((url) => measure(url, quick)),
    );
    return [
      {
        id: 'api-rate',
        title: `4a. Requests of ${CLIENTS} keep-alive clients`,
        unit: 'requests/s',
        better: 'more',
        rows: rowsOf(found, {
          posts: 'POST /api/ops/proposals with mission and step',
          lists: `GET ${LIST}`,
        }),
      },
      {
        id: 'api-lag',
        title: '4b. Lag of the event stream behind the commit',
        unit: 'ms',
        better: 'less',
        rows: rowsOf(found, {
          restP50: 'one POST at a time, p50',
          restP99: 'one POST at a time, p99',
          pacedP50: `${PACED} POSTs a second, p50`,
          pacedP99: `${PACED} POSTs a second, p99`,
        }),
      },
    ];
  },
};
