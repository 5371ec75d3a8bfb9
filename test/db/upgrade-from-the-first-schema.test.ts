import { expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { emptyHome } from '../support/sealed-log.ts';
import { loopGoesOn, upgradeFromFirst } from '../support/upgrade.ts';

const db = useDatabase('empty');
const home = emptyHome();

test('a database of the first released schema is brought to today’s: no row is lost, the log is sound, the loop goes on', async () => {
  const { applied } = await upgradeFromFirst(db, home, 2_000);
  expect(applied.length).toBeGreaterThan(5);
  await loopGoesOn(db, home);
}, 90_000);
