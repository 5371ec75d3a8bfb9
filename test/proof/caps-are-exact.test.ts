import { expect, test } from 'vitest';
import { setPolicy } from '../../src/policy/policy.ts';
import { useDatabase } from '../support/database.ts';
import { whatIsWrong } from '../support/history.ts';
import { openPolicy, proposer } from '../support/loop.ts';
import { count, figure, partOf } from '../support/proof.ts';

const db = useDatabase();
const RACES = partOf(1_000);
const CAP = 10;
const RACERS = 100;

test(`a cap of ${CAP} admits exactly ${CAP} of ${RACERS} racers through two servers, ${count(RACES)} times`, async () => {
  await openPolicy(db.database);
  const servers = [proposer(db.open()), proposer(db.open())] as const;
  let exact = 0;
  for (let race = 0; race < RACES; race++) {
    const kind = `race${race}`;
    await setPolicy(db.database, 'kind_caps', { [kind]: CAP }, 'test');
    const results = await Promise.all(
      Array.from({ length: RACERS }, (_, n) => servers[n % 2 === 0 ? 0 : 1]({ kind })),
    );
    const admitted = results.filter((result) => result.refusal === null);
    expect(admitted).toHaveLength(CAP);
    exact++;
  }
  expect(await whatIsWrong(db.database)).toEqual([]);
  figure(
    'caps exact, in races of 100 for 10 places',
    `${count(1_000)} of ${count(1_000)}`,
    `${count(exact)} of ${count(RACES)}`,
  );
}, 1_800_000);
