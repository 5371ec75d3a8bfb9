import { randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { makeLink } from '../../chaos/proxy/link.ts';
import { countRelations } from '../../src/backup/queries.ts';
import { orStopped } from '../../src/cli/or-stopped.ts';
import { openDatabase } from '../../src/db/database.ts';
import { signChainEnd } from '../../src/events/proof/sign.ts';
import { verifyLog } from '../../src/events/proof/verify.ts';
import { silentLog } from '../../src/log.ts';
import { backUp, restore } from '../support/backup.ts';
import { onServer, type TestDatabase, useDatabase } from '../support/database.ts';
import { emptyHome, sealSome } from '../support/sealed-log.ts';

const original = useDatabase();
const answered = useDatabase('empty');
const silent = useDatabase('empty');
const interrupted = useDatabase('empty');
let file = '';

beforeAll(async () => {
  const home = emptyHome();
  await sealSome(original.database, 20);
  await signChainEnd(original.database, home);
  file = (await backUp(original.database, home)).file;
});

/** The address of a database by a link that loses the answer to the next COMMIT. */
async function losingTheCommit(target: TestDatabase, user?: string): Promise<string> {
  const url = new URL(target.directUrl);
  const link = await makeLink('restore', Number(url.port), 'postgres');
  url.port = String(link.port);
  link.set({ kind: 'lose-replies' });
  const database = openDatabase(url.href, { log: silentLog(), max: 1, listenUrl: null });
  // It lets the first one through, and loses the second.
  await database.transaction((tx) => tx.query('select 1'));
  await database.close();
  if (user !== undefined) Object.assign(url, { username: user, password: 'p' });
  return url.href;
}

/** Runs statements inside of the restore's own COMMIT. */
async function atTheCommit(target: TestDatabase, statement: string): Promise<void> {
  await target.database.query(
    `create function public.at_the_end() returns trigger language plpgsql as $$ begin ${statement}; return null; end $$`,
  );
  await target.database.query(
    `create function public.prepare() returns event_trigger language plpgsql as $$ begin
       if to_regclass('ops_events') is not null and not exists (select from pg_trigger where tgname = 'at_the_end') then
         create constraint trigger at_the_end after insert on ops_events deferrable initially deferred
           for each row when (new.kind = 'backup.restored') execute function public.at_the_end();
       end if; end $$`,
  );
  const name = `opsloop_at_the_end_${randomBytes(4).toString('hex')}`;
  await target.database.query(
    `create event trigger ${name} on ddl_command_end when tag in ('CREATE TABLE') execute function public.prepare()`,
  );
}

test('a restore that was committed is one, also when the answer to its COMMIT is lost', async () => {
  const home = emptyHome();
  await writeFile(join(home, 'log-heads.jsonl'), 'of another log\n');
  const restored = await restore(file, { url: await losingTheCommit(answered) }, { home });
  expect(restored.check.ok).toBe(true);
  expect(await readFile(restored.heads_moved_to ?? '', 'utf8')).toBe('of another log\n');
  // Signed heads are there to compare with.
  expect(await verifyLog(answered.database, { home })).toMatchObject({ ok: true, heads_compared: 1 });
});

test('when nobody can say whether it was committed, the home stays as it is, and what to do is said', async () => {
  const role = `restorer_${randomBytes(4).toString('hex')}`;
  await onServer(`create role ${role} login superuser password 'p'`);
  onTestFinished(async () => void (await onServer(`drop role ${role}`)));
  // Who restored may not come back and look.
  await atTheCommit(silent, `alter role ${role} nologin`);
  const home = emptyHome();
  const restoring = restore(file, { url: await losingTheCommit(silent, role) }, { home });
  // Asked to stop as well, which does not make it known.
  const told = orStopped(restoring, AbortSignal.abort(), 'The database is as empty as it was.');
  await expect(told).rejects.toMatchObject({
    code: 'database_unavailable',
    message: expect.stringMatching(/whether .* was restored is not known.*restore it again/),
  });
  expect(await countRelations(silent.database)).toBeGreaterThan(0);
  expect(await readdir(home)).toEqual(expect.arrayContaining(['log-heads.jsonl', 'log-keys']));
  await silent.database.query(`reassign owned by ${role} to current_user`);
});

test('who is stopped in the middle of the COMMIT has restored', async () => {
  const key = 7_531;
  await atTheCommit(interrupted, `perform pg_advisory_xact_lock(${key})`);
  const home = emptyHome();
  const stop = new AbortController();
  let restoring: ReturnType<typeof restore> | undefined;
  await interrupted.database.transaction(async (tx) => {
    await tx.query(`select pg_advisory_xact_lock(${key})`);
    restoring = restore(file, { url: interrupted.directUrl }, { home, signal: stop.signal });
    await expect
      .poll(
        () => onServer(`select from pg_stat_activity where query = 'commit' and wait_event = 'advisory'`),
        {
          timeout: 20_000,
        },
      )
      .toHaveLength(1);
    stop.abort();
  });
  expect((await restoring)?.check.ok).toBe(true);
  expect(await verifyLog(interrupted.database, { home })).toMatchObject({ ok: true, heads_compared: 1 });
});
