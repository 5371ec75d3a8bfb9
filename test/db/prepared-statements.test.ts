import { expect, onTestFinished, test } from 'vitest';
import { openDatabase } from '../../src/db/database.ts';
import { useDatabase } from '../support/database.ts';
import { keepingLog } from '../support/log.ts';

const db = useDatabase();

/** One connection of its own to PostgreSQL itself, so that what is prepared is known. */
function useOne(preparedStatements = true) {
  const { log, warnings } = keepingLog();
  const database = openDatabase(db.directUrl, { log, max: 1, preparedStatements });
  onTestFinished(() => database.close());
  const prepared = async () =>
    (await database.query<{ name: string }>('select name from pg_prepared_statements')).map(
      ({ name }) => name,
    );
  return { database, warnings, prepared };
}

const count = (n: number) => ['select $1::integer as n', [n], 'count'] as const;

test('a name is given to one text alone, also when two versions of the program share connections', async () => {
  const { database, prepared } = useOne();
  expect(await database.query(...count(1))).toEqual([{ n: 1 }]);
  expect(await database.query('select $1::integer + 1 as n', [1], 'count')).toEqual([{ n: 2 }]);
  expect(await database.query(...count(3))).toEqual([{ n: 3 }]);
  expect(await prepared()).toEqual([
    expect.stringMatching(/^count_\w{12}$/),
    expect.stringMatching(/^count_\w{12}$/),
  ]);
});

test('a statement whose name was lost runs without one, and names are not used again', async () => {
  const { database, warnings, prepared } = useOne();
  await database.query(...count(1));
  await database.query('deallocate all');
  expect(await database.query(...count(2))).toEqual([{ n: 2 }]);
  expect(await prepared()).toEqual([]);
  expect(warnings).toEqual([expect.stringContaining('OPSLOOP_PREPARED_STATEMENTS=0')]);
});

test('a name that somebody else gave on the connection is no failure either', async () => {
  const first = useOne();
  await first.database.query(...count(1));
  const [name] = await first.prepared();
  const { database, warnings } = useOne();
  await database.query(`prepare ${name} as select 'something else'`);
  expect(await database.query(...count(2))).toEqual([{ n: 2 }]);
  expect(warnings).toHaveLength(1);
});

test('a transaction that loses a name is run again as a whole, and has happened once', async () => {
  const { database } = useOne();
  await database.query('create table told (n integer)');
  await database.query(...count(1));
  await database.query('deallocate all');
  let runs = 0;
  const answer = await database.transaction(async (tx) => {
    runs++;
    await tx.query('insert into told values (1)');
    return tx.query(...count(2));
  });
  expect([answer, runs]).toEqual([[{ n: 2 }], 2]);
  expect(await database.query('select n from told')).toEqual([{ n: 1 }]);
});

test('an operator can turn names off', async () => {
  const { database, warnings, prepared } = useOne(false);
  expect(await database.query(...count(1))).toEqual([{ n: 1 }]);
  expect(await prepared()).toEqual([]);
  expect(warnings).toEqual([]);
});
