import { describe, expect, onTestFinished, test } from 'vitest';
import { type DatabaseOptions, openDatabase } from '../../src/db/database.ts';
import { setPaused } from '../../src/policy/policy.ts';
import { useDatabase } from '../support/database.ts';
import { keepingLog } from '../support/log.ts';
import { eventually, openPolicy, proposer } from '../support/loop.ts';
import { pgBouncerVersion, startPgBouncer } from '../support/pgbouncer.ts';
import { gate } from '../support/worker.ts';

const db = useDatabase();
const version = pgBouncerVersion();
/** From 1.21 on it can keep prepared statements, and does so when it is told how many. */
const canKeepNames = version !== null && version >= 121;
const losesNames: Record<string, string> = canKeepNames ? { max_prepared_statements: '0' } : {};

/** A pool through a PgBouncer of the test's own. */
async function useBouncer(settings: Record<string, string>, options: Partial<DatabaseOptions> = {}) {
  const bouncer = await startPgBouncer(db.directUrl, settings);
  const { log, warnings } = keepingLog();
  const database = openDatabase(bouncer.url, { log, listenUrl: null, ...options });
  onTestFinished(async () => {
    await database.close();
    await bouncer.stop();
  });
  return { database, warnings };
}

const SERVER_CONNECTIONS = 4;
const few = { default_pool_size: String(SERVER_CONNECTIONS) };

type Through = Awaited<ReturnType<typeof useBouncer>>;

/** Transactions at the same time, so that PgBouncer has all its connections to the server; it uses them in turn. */
async function openAll({ database }: Through): Promise<void> {
  const all = gate();
  let open = 0;
  const hold = () =>
    database.transaction(async (tx) => {
      await tx.query('select 1');
      if (++open === SERVER_CONNECTIONS) all.open();
      await all.opened;
    });
  await Promise.all(Array.from({ length: SERVER_CONNECTIONS }, hold));
}

/** What each connection between PgBouncer and the server says. */
async function onEach<Row extends { pid: number }>({ database }: Through, columns: string): Promise<Row[]> {
  const rows = new Map<number, Row>();
  await eventually(async () => {
    const [row] = await database.query<Row>(`select pg_backend_pid() as pid, ${columns}`);
    if (row) rows.set(row.pid, row);
    return rows.size === SERVER_CONNECTIONS;
  });
  return [...rows.values()];
}

/** Proposes one after the other, so that each is a transaction, and each on another connection. */
async function proposeMany(t: Through): Promise<number> {
  await openPolicy(db.database);
  await openAll(t);
  const before = await proposals();
  const propose = proposer(t.database);
  for (let n = 0; n < 20; n++) await propose();
  return (await proposals()) - before;
}

async function proposals(): Promise<number> {
  const [row] = await db.database.query<{ n: number }>('select count(*)::integer as n from ops_proposals');
  return row?.n ?? 0;
}

describe.skipIf(version === null)('PgBouncer in transaction mode', () => {
  test('that keeps no prepared statements costs a warning, and everything happens once', async () => {
    const t = await useBouncer({ ...few, ...losesNames });
    expect(await proposeMany(t)).toBe(20);
    expect(t.warnings).toEqual([expect.stringContaining('OPSLOOP_PREPARED_STATEMENTS=0')]);
  });

  test.runIf(canKeepNames)('that keeps them is used with them', async () => {
    const t = await useBouncer({ ...few, max_prepared_statements: '100' });
    expect(await proposeMany(t)).toBe(20);
    expect(t.warnings).toEqual([]);
    const left = await onEach(t, '(select count(*)::integer from pg_prepared_statements) as statements');
    for (const one of left) expect(one).toMatchObject({ statements: expect.toSatisfy((n: number) => n > 0) });
  });

  test('gets no prepared statement, no setting and no lock that outlives its transaction', async () => {
    const t = await useBouncer({ ...few, ...losesNames }, { preparedStatements: false });
    expect(await proposeMany(t)).toBe(20);
    await setPaused(t.database, true, undefined, 'test');
    await setPaused(t.database, false, undefined, 'test');
    expect(t.warnings).toEqual([]);
    const left = await onEach(
      t,
      `current_setting('lock_timeout') as lock_timeout, current_setting('statement_timeout') as statement_timeout,
       current_setting('idle_in_transaction_session_timeout') as idle_timeout,
       (select count(*)::integer from pg_prepared_statements) as statements,
       (select count(*)::integer from pg_locks where pid = pg_backend_pid() and locktype = 'advisory') as locks,
       pg_my_temp_schema()::integer as temporary`,
    );
    const nothing = { statements: 0, locks: 0, temporary: 0 };
    for (const one of left)
      expect(one).toMatchObject({ lock_timeout: '0', statement_timeout: '0', idle_timeout: '0', ...nothing });
  });

  test('delivers nothing to LISTEN, which is noticed; beside it hints arrive', async () => {
    const through = await useBouncer({ default_pool_size: '1' }, { listenUrl: undefined });
    through.database.hints.on('policy', () => undefined);
    const beside = await useBouncer(few, { listenUrl: db.directUrl });
    let hints = 0;
    beside.database.hints.on('policy', () => hints++);
    await eventually(async () => beside.database.hints.listening());
    through.database.hints.tell('policy');
    await eventually(async () => hints === 2);
    expect(await eventually(async () => through.database.hints.trouble())).toContain('nothing arrives');
    expect(through.database.hints.listening()).toBe(false);
    // LISTEN was taken back, so that the only connection to the server serves others in silence.
    await eventually(async () => {
      const [row] = await through.database.query<{ n: number }>(
        'select count(*)::integer as n from pg_listening_channels()',
      );
      return row?.n === 0;
    });
  });

  test('in session mode delivers, and is believed', async () => {
    const { database } = await useBouncer({ pool_mode: 'session' }, { listenUrl: undefined });
    database.hints.on('policy', () => undefined);
    await eventually(async () => database.hints.listening());
    expect(database.hints.trouble()).toBeNull();
  });

  test('that cannot give a connection says why', async () => {
    const { database } = await useBouncer({ max_client_conn: '1' });
    const held = database.transaction(async (tx) => {
      await tx.query('select 1');
      await expect(database.query('select 2')).rejects.toMatchObject({
        code: 'database_unavailable',
        message: expect.stringContaining('no more connections allowed'),
      });
    });
    await held;
  });
});
