import { createHash } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database, Db } from '../../src/db/database.ts';
import type { Offence } from '../../src/events/proof/offence.ts';
import { verifyLog, type VerifyOptions } from '../../src/events/proof/verify.ts';
import { DIGEST } from '../../src/events/queries.ts';
import { sealAll } from './loop.ts';

/** A home of a test's own, with nothing in it. */
export function emptyHome(): string {
  return mkdtempSync(join(tmpdir(), 'opsloop-test-home-'));
}

/** Writes and seals a batch of events; `lost` ids are drawn and never used. */
export async function sealSome(database: Database, events: number, lost = 0): Promise<void> {
  await database.query(`select nextval('ops_events_id_seq') from generate_series(1, $1::integer)`, [lost]);
  await database.query(
    `insert into ops_events (kind, source, entity, entity_id, payload)
     select 'test.written', 'test', 'report', n::text, jsonb_build_object('n', n) from generate_series(1, $1::integer) n`,
    [events],
  );
  await sealAll(database);
}

/** Changes what the triggers refuse, as somebody with all rights in the database can. */
export async function tamper(db: Db, ...statements: string[]): Promise<void> {
  const tables = ['ops_events', 'ops_event_batches'];
  for (const table of tables) await db.query(`alter table ${table} disable trigger user`);
  for (const statement of statements) await db.query(statement);
  for (const table of tables) await db.query(`alter table ${table} enable trigger user`);
}

class Undone extends Error {}

/** What verifying says after some tampering, which is undone again. */
export async function offenceAfter(
  database: Database,
  options: VerifyOptions,
  change: (tx: Db) => Promise<void>,
): Promise<Offence | null> {
  let offence: Offence | null = null;
  const work = database.transaction(async (tx) => {
    await change(tx);
    ({ offence } = await verifyLog(tx, options));
    throw new Undone();
  });
  await work.catch((error: unknown) => {
    if (!(error instanceof Undone)) throw error;
  });
  return offence;
}

/** Computes all digests and hashes anew from what the rows say now: what an attacker does who knows how it works. */
export async function rewriteChain(db: Db): Promise<void> {
  const batches = await db.query<{ last_seq: number; digests: Buffer }>(
    `select last_seq, (select string_agg(${DIGEST}, ''::bytea order by e.id) from ops_events e where b.ids @> e.id) as digests
     from ops_event_batches b order by last_seq`,
  );
  let hash = Buffer.alloc(0);
  await db.query('alter table ops_event_batches disable trigger user');
  for (const { last_seq, digests } of batches) {
    hash = createHash('sha256').update(hash).update(digests).digest();
    await db.query('update ops_event_batches set digests = $2, hash = $3 where last_seq = $1', [
      last_seq,
      digests,
      hash,
    ]);
  }
  await db.query('alter table ops_event_batches enable trigger user');
}
