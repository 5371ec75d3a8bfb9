import { expect, test } from 'vitest';
import { followEvents, listEvents } from '../../src/events/events.ts';
import { DIGEST, selectHead } from '../../src/events/queries.ts';
import { sealOnce, startSealer } from '../../src/events/sealer.ts';
import { silentLog } from '../../src/log.ts';
import { useDatabase } from '../support/database.ts';
import { holding } from '../support/holding.ts';
import { readLog, sealAll } from '../support/loop.ts';

const db = useDatabase();
const insert = `insert into ops_events (kind, source, entity, entity_id, payload) values ('test.written', 'test', 'beat', $1, '{}')`;

test('a late commit with a lower id is sealed after what was visible before it, and nobody misses it', async () => {
  await sealAll(db.database);
  const { seq: before } = await selectHead(db.database);
  const commit = await holding(db.open(), insert, ['late']);
  await db.database.query(insert, ['early']);
  expect(await sealOnce(db.database)).toBe(1);
  await commit();
  expect(await sealOnce(db.database)).toBe(1);
  const rows = (await readLog(db.database)).filter((event) => event.seq > before);
  expect(rows.map((row) => row.entity_id)).toEqual(['early', 'late']);
  expect(rows[1]?.id).toBeLessThan(rows[0]?.id ?? 0);
  expect(rows.map((row) => row.seq)).toEqual([before + 1, before + 2]);
});

test('followers see each event of 16 concurrent writers exactly once, in one order without gaps', async () => {
  const sealers = [startSealer(db.database, silentLog()), startSealer(db.open(), silentLog())];
  const { seq: before } = await selectHead(db.database);
  const writers = 16;
  const each = 100;
  const stop = new AbortController();
  const follow = async () => {
    const seen: { seq: number; name: string }[] = [];
    for await (const chunk of followEvents(db.database, { kind: 'test.written' }, before, stop.signal)) {
      seen.push(...chunk.events.map((event) => ({ seq: event.seq, name: event.entity_id ?? '' })));
      if (seen.length >= writers * each) break;
    }
    return seen;
  };
  const followers = [follow(), follow()];
  const pool = db.open(writers);
  await Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      for (let n = 0; n < each; n++) {
        const rollsBack = n % 10 === 9;
        await pool
          .transaction(async (tx) => {
            await tx.query(insert, [`${writer}-${n}`]);
            if (rollsBack) {
              await tx.query(insert, [`${writer}-${n}-b`]);
              throw new Error('roll back');
            }
          })
          .catch(() => pool.query(insert, [`${writer}-${n}`]));
      }
    }),
  );
  const [one = [], two = []] = await Promise.all(followers);
  stop.abort();
  for (const sealer of sealers) await sealer.close();
  expect(one).toEqual(two);
  expect(new Set(one.map((event) => event.name)).size).toBe(writers * each);
  expect(one.map((event) => event.seq)).toEqual(one.map((_, index) => before + 1 + index));
});

test('the list pages from the newest to the oldest without repetition', async () => {
  await sealAll(db.database);
  const names: string[] = [];
  let beforeSeq: number | undefined;
  do {
    const page = await listEvents(db.database, { kind: 'test.' }, { beforeSeq, limit: 700 });
    names.push(...page.events.map((event) => event.entity_id ?? ''));
    beforeSeq = page.next ?? undefined;
  } while (beforeSeq !== undefined);
  expect(names).toHaveLength(1_602);
  expect(new Set(names).size).toBe(names.length);
});

test('the log and its seals are append-only', async () => {
  for (const table of ['ops_events', 'ops_event_batches']) {
    for (const statement of [`delete from ${table}`, `truncate ${table}`]) {
      await expect(db.database.query(statement)).rejects.toMatchObject({ code: '23514' });
    }
  }
  await expect(db.database.query(`update ops_events set kind = 'x'`)).rejects.toMatchObject({
    code: '23514',
  });
  await expect(db.database.query(`update ops_event_batches set hash = digests`)).rejects.toMatchObject({
    code: '23514',
  });
});

test('the chain of batches covers every digest, and each digest its event', async () => {
  const [row] = await db.database.query<{ chained: boolean; digested: boolean }>(
    `with batches as (
       select *, lag(hash, 1, ''::bytea) over (order by last_seq) as before from ops_event_batches),
     found as (
       select b.last_seq, string_agg(${DIGEST}, ''::bytea order by e.id) as digests
       from ops_event_batches b, unnest(b.ids) span join ops_events e on e.id >= lower(span) and e.id < upper(span)
       group by b.last_seq)
     select bool_and(sha256(before || batches.digests) = hash) as chained,
            bool_and(found.digests = batches.digests) as digested
     from batches left join found using (last_seq)`,
  );
  expect(row).toEqual({ chained: true, digested: true });
});

test('of a late transaction with more events than a batch, nothing is sealed before what it follows from', async () => {
  const one = db.open(1);
  const writeMany = `insert into ops_events (kind, source, entity, entity_id, payload)
    select 'test.written', 'test', 'beat', 'many ' || n, '{}' from generate_series(1, 8000) n`;
  const commit = await holding(one, writeMany);
  await db.database.query(insert, ['meanwhile']);
  await sealAll(db.database);
  await commit();
  await db.database.query(insert, ['follows']);
  await sealAll(db.database);
  const log = await readLog(db.database);
  const places = log.filter(({ entity_id: id }) => id?.startsWith('many ') || id === 'follows');
  expect(places).toHaveLength(8_001);
  expect(places.at(-1)?.entity_id).toBe('follows');
});
