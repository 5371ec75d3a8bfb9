import { expect, test } from 'vitest';
import { checkHistory } from '../../src/check/check.ts';
import { completeSteps } from '../../src/engine/complete.ts';
import { startSealer } from '../../src/events/sealer.ts';
import { silentLog } from '../../src/log.ts';
import { setPolicy } from '../../src/policy/policy.ts';
import { useDatabase } from '../support/database.ts';
import { sentences } from '../support/history.ts';
import { openPolicy, proposer, testWorker } from '../support/loop.ts';
import { dropEnded } from '../support/retention.ts';
import { emptyHome } from '../support/sealed-log.ts';

const db = useDatabase();
const home = emptyHome();
/** Over all checks, so that they saw something. */
const LEAST_THREADS = 60;

test('what changes while a check runs is no finding: work, policy, and the dropping of what is old', async () => {
  await openPolicy(db.database);
  const server = db.open();
  const sealer = startSealer(server, silentLog());
  const propose = proposer(server);
  const worker = await testWorker(server);
  const over = new AbortController();
  const busy = [
    async () => void (await propose()),
    async () => {
      const claims = await worker.claim('analyze', 20);
      await completeSteps(
        server,
        claims.map((claim) => ({ ...claim, output: 1 })),
      );
    },
    async (n: number) => void (await setPolicy(server, 'tweet_quota', { max_per_day: n }, 'test')),
    async () => void (await dropEnded(server, home)),
  ].map(async (act) => {
    for (let n = 0; !over.signal.aborted; n++) await act(n);
  });
  const found: string[] = [];
  let threads = 0;
  while (threads < LEAST_THREADS) {
    const report = await checkHistory(db.database, { home });
    found.push(...sentences(report));
    threads += report.threads;
  }
  over.abort();
  await Promise.all(busy);
  await sealer.close();
  expect(found).toEqual([]);
}, 60_000);
