import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { countRelations } from '../../src/backup/queries.ts';
import { backUp, restore } from '../support/backup.ts';
import { onServer, type TestDatabase, useDatabase } from '../support/database.ts';
import { startProgram } from '../support/process.ts';
import { emptyHome } from '../support/sealed-log.ts';

const original = useDatabase();
const target = useDatabase('empty');
const KEY = 7_532;

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  'a restore that is in the middle ends at %s, leaves the database empty, and says so',
  async (signal) => {
    const { file } = await backUp(original.database, emptyHome());
    await target.database.query(
      `create or replace function public.wait() returns event_trigger language plpgsql as $$ begin
         perform pg_advisory_xact_lock(${KEY}); end $$`,
    );
    await target.database.query(
      `create event trigger waits on ddl_command_end when tag in ('CREATE TABLE') execute function public.wait()`,
    );
    onTestFinished(async () => void (await target.database.query('drop event trigger waits')));
    const ended = await target.database.transaction(async (tx) => {
      await tx.query(`select pg_advisory_xact_lock(${KEY})`);
      const program = startProgram(['--json', 'restore', file], {
        OPSLOOP_HOME: emptyHome(),
        DATABASE_URL: target.directUrl,
        OPSLOOP_LOG: 'silent',
      });
      await expect
        .poll(
          () =>
            onServer(
              `select from pg_stat_activity where datname = '${nameOf(target)}' and wait_event = 'advisory'`,
            ),
          { timeout: 9_000 },
        )
        .toHaveLength(1);
      program.signal(signal);
      return { ...(await program.ended), said: JSON.parse(program.stdout()) as unknown };
    });
    expect(ended).toMatchObject({
      code: 130,
      said: { error: 'Stopped. The database is as empty as it was.' },
    });
    expect(await countRelations(target.database)).toBe(0);
  },
);

const nameOf = ({ directUrl }: TestDatabase) => new URL(directUrl).pathname.slice(1);

test('who is stopped while a file is held against its checksum does not wait for the rest of it', async () => {
  const path = join(emptyHome(), 'large');
  const end = `opsloop-backup-end 0000000000 ${'0'.repeat(64)}\n`;
  await writeFile(
    path,
    Buffer.concat([Buffer.from('opsloop backup 1\n'), randomBytes(5 * 2 ** 20), Buffer.from(end)]),
  );
  const stop = new AbortController();
  const shares: number[] = [];
  const onStep = (_: string, share: number) => {
    shares.push(share);
    stop.abort();
  };
  await expect(restore(path, original.database, { onStep, signal: stop.signal })).rejects.toThrow('aborted');
  expect(shares).toEqual([expect.closeTo(0.2, 2)]);
});
