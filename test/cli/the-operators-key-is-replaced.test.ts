import { stat } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { ensureOperatorKey } from '../../src/cli/ensure-operator-key.ts';
import { readOperatorKey } from '../../src/cli/operator-key.ts';
import { readConfig } from '../../src/config.ts';
import { makeAuthenticate, revokeKey } from '../../src/keys/keys.ts';
import { useDatabase } from '../support/database.ts';
import { emptyHome } from '../support/sealed-log.ts';

const db = useDatabase();

test('once it is revoked, the next start makes another one, and the old one opens nothing', async () => {
  const config = readConfig({ OPSLOOP_HOME: emptyHome() });
  const authenticate = makeAuthenticate(db.database);
  const { file } = await ensureOperatorKey(config, db.database);
  const first = (await readOperatorKey(config)) ?? '';
  await ensureOperatorKey(config, db.database);
  expect(await readOperatorKey(config)).toBe(first);

  await revokeKey(db.database, (await authenticate(first))?.keyId ?? '', 'test');
  await ensureOperatorKey(config, db.database);
  const second = (await readOperatorKey(config)) ?? '';
  expect(await authenticate(first)).toBeNull();
  expect((await authenticate(second))?.scopes).toContain('admin');
  expect((await stat(file ?? '')).mode & 0o777).toBe(0o600);
});
