import { percentile, summary } from '../lib/report.mjs';
import { startApp } from '../participants/opsloop.mjs';
import { serveHttp } from '../../dist/index.js';

const KEY = 'a-key-for-the-benchmark-0123456789';

/** How soon an idle system begins: from POST to the step's start, and from a completion to the mission's next step. */
export const idleLatency = {
  name: 'idle-latency',
  async run({ postgres, quick, rounds, progress }) {
    const samples = quick ? 100 : 500;
    const toStart = { p50: [], p99: [] };
    const toNext = { p50: [], p99: [] };
    for (let round = 1; round <= rounds; round++) {
      progress(`3. Idle latency, round ${round} of ${rounds}`);
      const database = await postgres.fresh();
      const started = new Map();
      let wake = () => undefined;
      const onStart = (step) => {
        started.set(`${step.proposal_id} ${step.position}`, performance.now());
        if (step.position === 2) wake();
      };
      const app = await startApp(database.url, { onStart, plan: ['noop', 'noop'] });
      const server = await serveHttp(app, { host: '127.0.0.1', port: 0 });
      const begun = [];
      const next = [];
      for (let i = 0; i < samples; i++) {
        const finished = new Promise((resolve) => (wake = resolve));
        const began = performance.now();
        const response = await fetch(`${server.url}/api/ops/proposals`, {
          method: 'POST',
          headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
          body: JSON.stringify({ agent_id: 'pm', kind: 'noop', title: `Sample ${i}` }),
        });
        const { proposal } = await response.json();
        await finished;
        const first = started.get(`${proposal.id} 1`);
        begun.push(first - began);
        next.push(started.get(`${proposal.id} 2`) - first);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await server.close();
      await app.stop(0);
      await database.drop();
      for (const [into, values] of [
        [toStart, begun.slice(10)],
        [toNext, next.slice(10)],
      ]) {
        into.p50.push(percentile(values, 0.5));
        into.p99.push(percentile(values, 0.99));
      }
    }
    const row = (participant, values) => ({ participant, result: summary(values) });
    return [
      {
        title: `3. Idle latency within one process (${samples} samples a round)`,
        unit: 'ms',
        better: 'less',
        rows: [
          row('POST to step started, p50', toStart.p50),
          row('POST to step started, p99', toStart.p99),
          row('step started to next step started, p50', toNext.p50),
          row('step started to next step started, p99', toNext.p99),
        ],
      },
    ];
  },
};
