import { summary } from '../lib/report.mjs';
import { startApp } from '../participants/opsloop.mjs';
import { serveHttp } from '../../dist/index.js';

const KEY = 'a-key-for-the-benchmark-0123456789';
const CLIENTS = 24;

/** Proposals over HTTP by keep-alive clients, each with its mission and step; nothing works them meanwhile. */
export const api = {
  name: 'api',
  async run({ postgres, quick, rounds, progress }) {
    const requests = quick ? 4_000 : 20_000;
    const rates = [];
    for (let round = 1; round <= rounds; round++) {
      progress(`4. API, round ${round} of ${rounds}`);
      const database = await postgres.fresh();
      const app = await startApp(database.url, { parts: { worker: false } });
      const server = await serveHttp(app, { host: '127.0.0.1', port: 0 });
      const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
      let left = requests;
      const began = performance.now();
      const client = async () => {
        while (left-- > 0) {
          const body = JSON.stringify({ agent_id: 'pm', kind: 'noop', title: `Request ${left}` });
          const response = await fetch(`${server.url}/api/ops/proposals`, { method: 'POST', headers, body });
          if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
          await response.arrayBuffer();
        }
      };
      await Promise.all(Array.from({ length: CLIENTS }, client));
      rates.push(requests / ((performance.now() - began) / 1000));
      await server.close();
      await app.stop(0);
      await database.drop();
    }
    const title = `4. POST /api/ops/proposals with mission and step, ${CLIENTS} keep-alive clients in the server's own process`;
    return [
      {
        title,
        unit: 'requests/s',
        better: 'more',
        rows: [{ participant: 'opsloop', result: summary(rates) }],
      },
    ];
  },
};
