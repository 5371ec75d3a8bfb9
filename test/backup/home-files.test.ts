import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openArchive } from '../../src/backup/archive.ts';
import { ensureLogKey } from '../../src/events/proof/key.ts';
import { signChainEnd } from '../../src/events/proof/sign.ts';
import { verifyLog } from '../../src/events/proof/verify.ts';
import { backUp, restore } from '../support/backup.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy } from '../support/loop.ts';
import { dropEnded, endedThreads } from '../support/retention.ts';
import { emptyHome, sealSome } from '../support/sealed-log.ts';

const original = useDatabase();
const copy = useDatabase('empty');
const full = useDatabase('empty');
const home = emptyHome();
const filesIn = async (path: string) => {
  const archive = await openArchive(path);
  await archive.close();
  return archive.manifest.files.map(({ file }) => file).toSorted();
};

test('what was dropped by retention stays proven in another home, whose own key is a new one', async () => {
  const { database } = original;
  await openPolicy(database);
  await endedThreads(database);
  expect((await dropEnded(database, home)).events).toBeGreaterThan(10);
  await sealSome(database, 5);
  await signChainEnd(database, home);
  await writeFile(join(home, 'config.json'), '{"slots": {"analyze": 2}}');
  await writeFile(join(home, 'operator.key'), 'a-key-that-opens-everything', { mode: 0o600 });
  const { id } = await ensureLogKey(home);
  const { file } = await backUp(database, home);
  expect(await filesIn(file)).toEqual(['config.json', `log-keys/${id}.pem`, 'log-heads.jsonl'].toSorted());

  const other = emptyHome();
  const { left_out } = await restore(file, copy.database, { home: other });
  expect(left_out).toEqual(['config.json']);
  await signChainEnd(copy.database, other);
  expect((await ensureLogKey(other)).id).not.toBe(id);
  expect(await verifyLog(copy.database, { home: other })).toMatchObject({ ok: true, notes: [] });
  expect((await readdir(other)).toSorted()).toEqual([
    'backup-lock',
    'log-heads.jsonl',
    'log-key.pem',
    'log-keys',
  ]);
});

test('keys and secrets go along only on demand, and come back for their owner alone', async () => {
  await mkdir(join(home, 'secrets'), { recursive: true });
  await writeFile(join(home, 'secrets', 'telegram-bot'), 'a-secret\n', { mode: 0o600 });
  // No text of any sort: what lies there comes back byte for byte.
  const binary = Buffer.from([0xff, 0xfe, 0, 0x80, 0x0a]);
  await writeFile(join(home, 'secrets', 'binary'), binary, { mode: 0o600 });
  await writeFile(join(home, 'secrets', 'token~'), 'an editor left it', { mode: 0o600 });
  await writeFile(join(home, 'secrets', '.DS_Store'), 'a file manager left it', { mode: 0o600 });
  await writeFile(join(home, 'secrets', 'open'), 'others can read it', { mode: 0o644 });
  await mkdir(join(home, 'secrets', 'folder'), { mode: 0o700 });
  const path = join(home, 'with-secrets.backup');
  const { skipped, check } = await backUp(original.database, home, { withSecrets: true, verify: true, path });
  expect(check?.ok).toBe(true);
  expect(skipped).toEqual([
    'secrets/.DS_Store: this is no name of a secret',
    expect.stringMatching(/^secrets\/folder: .*EISDIR/),
    expect.stringMatching(/^secrets\/open: others can read .*chmod 600/),
    'secrets/token~: this is no name of a secret',
  ]);
  expect(await filesIn(path)).toEqual(
    expect.arrayContaining(['log-key.pem', 'operator.key', 'secrets/telegram-bot']),
  );

  const other = emptyHome();
  await writeFile(join(other, 'operator.key'), 'its-own-key');
  const { kept } = await restore(path, full.database, { home: other, withSecrets: true });
  expect(kept).toEqual(['operator.key']);
  expect(await readFile(join(other, 'operator.key'), 'utf8')).toBe('its-own-key');
  expect(await readFile(join(other, 'secrets', 'telegram-bot'), 'utf8')).toBe('a-secret\n');
  expect(await readFile(join(other, 'secrets', 'binary'))).toEqual(binary);
  expect((await stat(join(other, 'secrets', 'telegram-bot'))).mode & 0o777).toBe(0o600);
  expect((await ensureLogKey(other)).id).toBe((await ensureLogKey(home)).id);
});
