import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { signChainEnd } from '../../src/events/proof/sign.ts';
import { verifyLog } from '../../src/events/proof/verify.ts';
import { sealOnce } from '../../src/events/sealer.ts';
import { useDatabase } from '../support/database.ts';
import { anyUnsealed } from '../../src/events/queries.ts';

const EVENTS = 1_000_000;
const db = useDatabase();
const home = mkdtempSync(join(tmpdir(), 'opsloop-test-verify-'));

test('a million events are verified at tens of thousands a second, with memory that stays small', async () => {
  const { database } = db;
  for (let made = 0; made < EVENTS; made += 50_000) {
    await database.query(
      `insert into ops_events (kind, source, entity, entity_id, proposal_id, payload)
       select 'step.completed', 'worker', 'step', gen_random_uuid()::text, gen_random_uuid(), jsonb_build_object(
         'from', 'running', 'to', 'completed', 'cause', jsonb_build_object('by', 'worker-' || n % 16),
         'set', jsonb_build_object('claim_id', gen_random_uuid(), 'attempt', 1, 'output', ops_digest(n::text)))
       from generate_series(1, 50000) n`,
    );
  }
  while (await anyUnsealed(database)) await sealOnce(database);
  await signChainEnd(database, home);

  const heap = () => process.memoryUsage().rss;
  const before = heap();
  let most = before;
  let told = 0;
  const verdict = await verifyLog(database, {
    home,
    onProgress: () => {
      told++;
      most = Math.max(most, heap());
    },
  });
  const grown = Math.round((most - before) / 1_048_576);
  expect(verdict).toMatchObject({ ok: true, heads_compared: 1, notes: [] });
  expect(verdict.events.checked).toBeGreaterThanOrEqual(EVENTS);
  expect(told).toBeGreaterThan(50);
  expect(verdict.events_per_second).toBeGreaterThan(30_000);
  expect(grown).toBeLessThan(300);
});
