import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { seedAgents } from '../../src/agents/agents.ts';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { startLocalPostgres } from '../../src/db/local/local-postgres.ts';
import { migrate } from '../../src/db/migrate.ts';
import { completeSteps } from '../../src/engine/complete.ts';
import type { Claim } from '../../src/engine/schema.ts';
import { AppError } from '../../src/errors.ts';
import { startSealer } from '../../src/events/sealer.ts';
import { silentLog } from '../../src/log.ts';
import { seedPolicy } from '../../src/policy/policy.ts';
import { killPostgres } from '../support/kill-postgres.ts';
import { whatIsWrong } from '../support/history.ts';
import { eventually, openPolicy, proposer, testWorker } from '../support/loop.ts';
import { count, figure, partOf } from '../support/proof.ts';

const KILLS = partOf(200, 2);
const WRITERS = 8;
const log = silentLog();

type Acknowledged = { proposals: Set<string>; completed: Map<string, unknown> };

/** Proposes and completes until its database is gone; what was answered is kept. */
async function write(database: Database, n: number, acknowledged: Acknowledged): Promise<void> {
  const propose = proposer(database);
  const worker = await testWorker(database);
  for (let round = 0; ; round++) {
    const { proposal } = await propose({ agentId: ['pm', 'research', 'ops'][n % 3] ?? '' });
    acknowledged.proposals.add(proposal.id);
    const claims: Claim[] = await worker.claim('analyze', 5);
    const done = claims.map((claim) => ({ ...claim, output: { by: n, round } }));
    for (const id of await completeSteps(database, done)) acknowledged.completed.set(id, { by: n, round });
  }
}

/** What the end of its database looks like to a writer; anything else is a mistake that the kill would hide. */
const isDatabaseGone = (error: unknown): boolean =>
  error instanceof AppError && error.code === 'database_unavailable';

test(`${count(KILLS)} times kill -9 of PostgreSQL under ${WRITERS} writers: nothing that was acknowledged is lost`, async () => {
  const home = await mkdtemp(join(tmpdir(), 'opsloop-test-kills-'));
  const acknowledged: Acknowledged = { proposals: new Set(), completed: new Map() };
  let kills = 0;
  try {
    const first = await startLocalPostgres({ home, log });
    const setup = openDatabase(first.url, { log, max: 2 });
    await migrate(setup);
    await setup.transaction(async (tx) => {
      await seedPolicy(tx);
      await seedAgents(tx);
    });
    await openPolicy(setup);
    await setup.close();

    for (; kills < KILLS; kills++) {
      const { url, dataDir } = await startLocalPostgres({ home, log });
      const database = openDatabase(url, { log, max: WRITERS + 2 });
      const sealer = startSealer(database, log);
      const wanted = acknowledged.completed.size + 50 + (kills % 7) * 20;
      const writers = Array.from({ length: WRITERS }, (_, n) => write(database, n, acknowledged));
      const ends = Promise.allSettled(writers);
      const all = eventually(async () => acknowledged.completed.size >= wanted, 60_000);
      // They write without end: whoever ends before the kill does so by a mistake.
      await Promise.race([all, ...writers]);
      await killPostgres(dataDir);
      for (const end of await ends)
        expect(end.status === 'rejected' && isDatabaseGone(end.reason), String(Object(end).reason)).toBe(
          true,
        );
      await sealer.close();
      await database.close();
    }

    const local = await startLocalPostgres({ home, log });
    const database = openDatabase(local.url, { log, max: 4 });
    const stored = await database.query<{ id: string; output: unknown }>(
      `select id, output from ops_steps where status = 'completed'`,
    );
    const outputs = new Map(stored.map((row) => [row.id, row.output]));
    const proposals = new Set(
      (await database.query<{ id: string }>('select id from ops_proposals')).map((row) => row.id),
    );
    expect([...acknowledged.proposals].filter((id) => !proposals.has(id))).toEqual([]);
    for (const [id, output] of acknowledged.completed) expect([id, outputs.get(id)]).toEqual([id, output]);
    expect(await whatIsWrong(database)).toEqual([]);
    await database.close();
    await local.stop();
  } finally {
    await rm(home, { recursive: true, force: true });
  }
  const writes = acknowledged.proposals.size + acknowledged.completed.size;
  figure(
    'acknowledged writes lost, in kills of PostgreSQL',
    '0 in 200 kills',
    `0 of ${count(writes)} in ${count(kills)} kills`,
  );
}, 1_800_000);
