import type { Database } from '../../src/db/database.ts';
import { insertArtefact, markWritten } from '../../src/engine/artefacts.ts';
import { completeSteps } from '../../src/engine/complete.ts';
import { failStep } from '../../src/engine/fail.ts';
import { ensureLogKey } from '../../src/events/proof/key.ts';
import { approve, reject } from '../../src/loop/decide.ts';
import { retryMission } from '../../src/loop/missions.ts';
import { type Dropped, dropBefore } from '../../src/retention/retention.ts';
import { tamper } from './sealed-log.ts';
import { proposer, sealAll, testWorker } from './loop.ts';

const DAY_MS = 86_400_000;

/** Drops everything that has ended, as if today were long ago. */
export async function dropEnded(database: Database, home: string, budgetMs?: number): Promise<Dropped> {
  await sealAll(database);
  const before = new Date(Date.now() + DAY_MS);
  return dropBefore(database, await ensureLogKey(home), { before, reason: 'a test' }, budgetMs);
}

/** Moves an unsealed thread in time, in its events and its tables alike. */
export async function moveInTime(database: Database, proposalIds: string[], days: number): Promise<void> {
  const ids = proposalIds.map((id) => `'${id}'`).join();
  const by = `make_interval(days => ${days})`;
  const moved = (columns: string[]) => columns.map((column) => `${column} = ${column} + ${by}`).join();
  await database.transaction((tx) =>
    tamper(
      tx,
      `update ops_events set ${moved(['created_at'])} where proposal_id in (${ids})`,
      `update ops_proposals set ${moved(['created_at', 'decided_at', 'completed_at'])} where id in (${ids})`,
      `update ops_missions set ${moved(['created_at', 'completed_at'])} where proposal_id in (${ids})`,
      `update ops_steps set ${moved(['created_at', 'claimed_at', 'completed_at'])} where proposal_id in (${ids})`,
    ),
  );
}

/** Threads that have ended in each way there is. */
export async function endedThreads(database: Database) {
  const propose = proposer(database);
  const worker = await testWorker(database);
  const finish = async (kind = 'analyze') =>
    completeSteps(database, [{ ...(await worker.claimOne(kind)), output: { text: kind } }]);

  const succeeded = (await propose({ kind: 'analysis' })).proposal.id;
  await finish();

  const rejected = (await propose({ kind: 'deploy' })).proposal.id;
  await reject(database, rejected, { by: 'key:a', reason: 'not now' });

  // Fails in its review, is retried, and publishes an output.
  const retried = (await propose({ kind: 'deploy', title: 'Ship it' })).proposal.id;
  const approved = await approve(database, retried, { by: 'key:a' });
  await finish();
  const reviewing = await worker.claimOne('review');
  const failure = { class: 'error' as const, message: 'bad' };
  await database.transaction((tx) => failStep(tx, { ...reviewing, failure, final: true, retryInMs: 0 }));
  await retryMission(database, approved.mission?.mission.id ?? '', { by: 'key:a' });
  await finish('review');
  const publishing = await worker.claimOne('publish');
  const output = `${retried}.md`;
  await database.transaction(async (tx) => {
    await completeSteps(tx, [{ ...publishing, output: { artefact: output } }]);
    await insertArtefact(tx, publishing, { name: output, content: 'text' });
  });
  await markWritten(database, output);
  return { succeeded, rejected, retried, worker, all: [succeeded, rejected, retried] };
}

export async function proposalIds(database: Database): Promise<string[]> {
  const rows = await database.query<{ id: string }>('select id from ops_proposals order by id');
  return rows.map((row) => row.id);
}
