import { appendFile, chmod, copyFile, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { headsFile, readLastHead } from '../../src/events/proof/heads.ts';
import { ensureLogKey, logKeyFile, readLogKey } from '../../src/events/proof/key.ts';
import { signChainEnd } from '../../src/events/proof/sign.ts';
import { verifyLog } from '../../src/events/proof/verify.ts';
import { useDatabase } from '../support/database.ts';
import { emptyHome, offenceAfter, rewriteChain, sealSome, tamper } from '../support/sealed-log.ts';

const db = useDatabase();
const linesOf = async (home: string) => (await readFile(headsFile(home), 'utf8')).split('\n').slice(0, -1);

/** A home that has signed three heads. */
async function homeWithHeads(): Promise<string> {
  const home = emptyHome();
  for (let n = 0; n < 3; n++) {
    await sealSome(db.database, 5);
    await signChainEnd(db.database, home);
  }
  return home;
}

test('each signing adds one line, the key is made at the first one and is its own to its owner', async () => {
  const home = await homeWithHeads();
  expect(await linesOf(home)).toHaveLength(3);
  for (const file of [logKeyFile(home), headsFile(home)]) expect((await stat(file)).mode & 0o777).toBe(0o600);
  const { head } = await verifyLog(db.database, { home });
  expect(JSON.parse((await linesOf(home))[2] ?? '')).toEqual({
    seq: head?.seq,
    hash: head?.hash,
    at: expect.stringMatching(/^\d{4}-.*Z$/),
    installation: expect.stringMatching(/^[0-9a-f]{32}$/),
    key: (await readLogKey(home))?.id,
    signature: expect.any(String),
  });
  expect(await verifyLog(db.database, { home })).toMatchObject({ ok: true, heads_compared: 3, notes: [] });
});

test('an end that was signed is not signed again', async () => {
  const home = await homeWithHeads();
  expect(await signChainEnd(db.database, home)).toMatchObject({ signed: false });
  expect(await linesOf(home)).toHaveLength(3);
});

test('of several processes that make the key at once, all have the same one', async () => {
  const home = emptyHome();
  const keys = await Promise.all(Array.from({ length: 8 }, () => ensureLogKey(home)));
  expect(new Set(keys.map((key) => key.id)).size).toBe(1);
});

test('a line that a crash cut off is passed over and told of, and the next one stands for itself', async () => {
  const home = await homeWithHeads();
  const file = headsFile(home);
  const { size } = await stat(file);
  await truncate(file, size - 40);
  expect((await readLastHead(home))?.seq).toBe(JSON.parse((await linesOf(home))[1] ?? '').seq);
  expect(await verifyLog(db.database, { home })).toMatchObject({
    ok: true,
    heads_compared: 2,
    notes: [expect.stringContaining('1 line')],
  });
  await signChainEnd(db.database, home);
  expect(await linesOf(home)).toHaveLength(4);
  expect(await verifyLog(db.database, { home })).toMatchObject({ ok: true, heads_compared: 3 });
});

test('a chain that was computed anew is found, and which part of it can be another one', async () => {
  const home = await homeWithHeads();
  const [, second = '', third = ''] = await linesOf(home);
  const [from, to] = [JSON.parse(second).seq as number, JSON.parse(third).seq as number];
  const offence = await offenceAfter(db.database, { home }, async (tx) => {
    await tamper(tx, `update ops_events set payload = '{}' where id = (select max(id) from ops_events)`);
    await rewriteChain(tx);
  });
  expect(offence).toMatchObject({ kind: 'rewritten', seq: from + 1 });
  expect(offence?.what).toContain(`events ${from + 1} to ${to}`);
});

const restore = `delete from ops_event_batches where last_seq = (select max(last_seq) from ops_event_batches)`;
const forget = `delete from ops_events where id > (select max(max_event_id) from ops_event_batches)`;

test('a database that was put back to an older state is found', async () => {
  const home = await homeWithHeads();
  const seq = JSON.parse((await linesOf(home))[1] ?? '').seq as number;
  expect(await offenceAfter(db.database, { home }, (tx) => tamper(tx, restore, forget))).toMatchObject({
    kind: 'cut_off',
    seq: seq + 1,
  });
});

test('what a beat finds to be another chain it does not sign over', async () => {
  const home = await homeWithHeads();
  let error: unknown;
  await offenceAfter(db.database, { home }, async (tx) => {
    await tamper(tx, restore, forget, `insert into ops_events (kind) values ('x')`);
    error = await signChainEnd(tx, home).catch((thrown: unknown) => thrown);
  });
  expect(error).toMatchObject({ code: 'log_damaged', message: expect.stringContaining(headsFile(home)) });
  expect(await linesOf(home)).toHaveLength(3);
});

test('heads of another log are told apart from a rewritten one', async () => {
  const home = await homeWithHeads();
  const key = await ensureLogKey(home);
  const last = await readLastHead(home);
  const foreign = { ...last, seq: 7, installation: 'f'.repeat(32) };
  const signature = key.sign('head', [foreign.installation, 7, foreign.hash, foreign.at]);
  await writeFile(headsFile(home), `${JSON.stringify({ ...foreign, signature })}\n`);
  const { offence } = await verifyLog(db.database, { home });
  expect(offence).toMatchObject({ kind: 'other_log', todo: expect.stringContaining('another database') });
});

test('a line that somebody changed does not have the signature', async () => {
  const home = await homeWithHeads();
  const text = await readFile(headsFile(home), 'utf8');
  await writeFile(headsFile(home), text.replace('"at":"20', '"at":"19'));
  const { offence } = await verifyLog(db.database, { home });
  expect(offence).toMatchObject({ kind: 'head_altered', what: expect.stringContaining('Line 1') });
});

test('signatures of a key that is not here count when its public half is trusted', async () => {
  const home = await homeWithHeads();
  const other = emptyHome();
  await copyFile(headsFile(home), headsFile(other));
  const unknown = await verifyLog(db.database, { home: other });
  expect(unknown).toMatchObject({ ok: true, heads_compared: 3 });
  expect(unknown.notes).toEqual([expect.stringContaining('not their signatures')]);
  const key = await ensureLogKey(home);
  expect((await verifyLog(db.database, { home: other, trusted: [key] })).notes).toEqual([]);
});

test('a key that cannot be used is an error that says what to do, and no new key takes its place', async () => {
  const home = await homeWithHeads();
  await sealSome(db.database, 1);
  await chmod(logKeyFile(home), 0o600);
  await writeFile(logKeyFile(home), 'not a key');
  await expect(signChainEnd(db.database, home)).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringContaining('put the key back'),
  });
  await appendFile(join(home, 'log-heads.jsonl'), '');
  expect(await linesOf(home)).toHaveLength(3);
});
