import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { expect, onTestFinished, test } from 'vitest';
import { createKey, makeAuthenticate } from '../../src/keys/keys.ts';
import { makeSessions } from '../../src/keys/sessions.ts';
import { useDatabase } from '../support/database.ts';

const db = useDatabase();

/** Counts comparisons in constant time while a test runs. */
function countComparisons(): { seen(): number } {
  const { timingSafeEqual } = crypto;
  let count = 0;
  crypto.timingSafeEqual = (a, b) => {
    count++;
    return timingSafeEqual(a, b);
  };
  syncBuiltinESMExports();
  onTestFinished(() => {
    crypto.timingSafeEqual = timingSafeEqual;
    syncBuiltinESMExports();
  });
  return {
    seen() {
      const now = count;
      count = 0;
      return now;
    },
  };
}

test('a key is compared once in constant time, whether there is such a key or not, and so is a code', async () => {
  const { database } = db;
  const { row, key } = await createKey(database, { name: 'k', scopes: ['read'] }, 'test');
  const caller = { by: 'key:x', keyId: row.key_id, name: 'k', agentId: null, scopes: [], kinds: null };
  const { code } = await makeSessions(database).makeCode(caller);
  const authenticate = makeAuthenticate(database);
  const comparisons = countComparisons();
  const other = (text: string) => `${text.slice(0, -1)}${text.endsWith('A') ? 'B' : 'A'}`;

  expect(await authenticate(key)).not.toBeNull();
  expect(comparisons.seen()).toBe(1);
  expect(await authenticate(other(key))).toBeNull();
  expect(comparisons.seen()).toBe(1);
  const [, secret = ''] = /^ops_.{8}_(.*)$/.exec(key) ?? [];
  expect(await authenticate(`ops_AAAAAAAA_${secret}`)).toBeNull();
  expect(comparisons.seen()).toBe(1);
  expect(await authenticate(other(code), true)).toBeNull();
  expect(comparisons.seen()).toBe(1);
  expect(await authenticate(code, true)).not.toBeNull();
  expect(comparisons.seen()).toBe(1);
});
