import { connect, createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterAll, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { silentLog } from '../../src/log.ts';
import { toAnswer } from '../../src/loop/answer.ts';
import { makeCreateProposal } from '../../src/loop/propose.ts';
import { setPolicy } from '../../src/policy/policy.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy } from '../support/loop.ts';

const db = useDatabase();
const closing: (() => Promise<void> | void)[] = [];
afterAll(async () => {
  for (const close of closing.toReversed()) await close();
});

/** A proxy before PostgreSQL that can cut, or swallow what the server answers. */
async function proxied(): Promise<{
  database: Database;
  rules: { onRequest?: (data: Buffer, cut: () => void) => void; silent: boolean };
}> {
  const target = new URL(db.url);
  const rules: { onRequest?: (data: Buffer, cut: () => void) => void; silent: boolean } = { silent: false };
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (data) => {
      upstream.write(data);
      rules.onRequest?.(data, () => client.destroy());
    });
    upstream.on('data', (data) => {
      if (!rules.silent) client.write(data);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(db.url);
  url.port = String((server.address() as { port: number }).port);
  const database = openDatabase(url.href, { log: silentLog(), max: 4, queryTimeoutMs: 1_000 });
  closing.push(
    () => server.close(() => undefined) && undefined,
    () => sockets.forEach((socket) => socket.destroy()),
    () => database.close(),
  );
  return { database, rules };
}

test('a reply lost after COMMIT stores the proposal once and answers it', async () => {
  await openPolicy(db.database);
  const { database, rules } = await proxied();
  const create = makeCreateProposal(database, toAnswer);
  for (let n = 0; n < 20; n++) {
    let cuts = 0;
    rules.onRequest = (data, cut) => {
      if (data.includes('commit') && cuts++ === 0) cut();
    };
    const title = `ambiguous ${n}`;
    const result = await create({ agentId: 'pm', kind: 'analysis', title, body: null, by: 'test' });
    expect(cuts).toBeGreaterThan(0);
    const rows = await db.database.query<{ id: string }>('select id from ops_proposals where title = $1', [
      title,
    ]);
    expect(rows).toEqual([{ id: 'admission' in result ? result.admission.proposal.id : '' }]);
  }
});

test('the same with a caller that waits for caps, when the lost one took the last slot', async () => {
  const { database, rules } = await proxied();
  const create = makeCreateProposal(database, toAnswer);
  await setPolicy(db.database, 'kind_caps', { scarce: 1 }, 'test');
  let cuts = 0;
  rules.onRequest = (data, cut) => {
    if (data.includes('commit') && cuts++ === 0) cut();
  };
  const request = {
    agentId: 'pm',
    kind: 'scarce',
    title: 'scarce',
    body: null,
    by: 'test',
    onCap: 'wait',
  } as const;
  const result = await create(request);
  const rows = await db.database.query<{ id: string }>("select id from ops_proposals where kind = 'scarce'");
  expect(rows).toEqual([{ id: 'admission' in result ? result.admission.proposal.id : '' }]);
  delete rules.onRequest;
  await expect(create(request)).rejects.toMatchObject({ code: 'cap_reached' });
});

test('a network that swallows answers costs one client timeout, and the pool works when it is healed', async () => {
  const { database, rules } = await proxied();
  await database.query('select 1');
  rules.silent = true;
  await expect(database.query('select 2')).rejects.toMatchObject({ code: 'database_unavailable' });
  rules.silent = false;
  expect(await database.query('select 3 as n')).toEqual([{ n: 3 }]);
});

test('a server that is not there is a clear error with a time to come back', async () => {
  const database = openDatabase('postgres://nobody:x@127.0.0.1:1/none', { log: silentLog() });
  await expect(database.query('select 1')).rejects.toMatchObject({
    code: 'database_unavailable',
    retryAfter: 2,
  });
  await database.close();
});

test('deadlocks are tried again until both transactions are through', async () => {
  await db.database.query('create table tally (id integer primary key, n integer not null)');
  await db.database.query('insert into tally values (1, 0), (2, 0)');
  const add = (first: number, second: number) =>
    db.database.transaction(async (tx) => {
      await tx.query('update tally set n = n + 1 where id = $1', [first]);
      await tx.query('update tally set n = n + 1 where id = $1', [second]);
    });
  await Promise.all(Array.from({ length: 6 }, (_, n) => (n % 2 ? add(1, 2) : add(2, 1))));
  expect(await db.database.query('select n from tally order by id')).toEqual([{ n: 6 }, { n: 6 }]);
});
