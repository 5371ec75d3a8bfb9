import { expect, test } from 'vitest';
import { useFuzzedApp } from '../support/fuzz/app.ts';
import { count, figure, partOf } from '../support/proof.ts';

const run = useFuzzedApp();
const REQUESTS = partOf(50_000, 2_000);
const SHOWN_FROM = 10_000;
const PAIRS_FROM = 5_000;

test(`${count(REQUESTS)} requests by every key are answered as the document says, and break nothing`, async () => {
  const { report, table, unlisted, trivial, unreadable, broken } = await run(REQUESTS);
  if (REQUESTS >= SHOWN_FROM) process.stdout.write(`${table}\n`);
  expect(unlisted).toEqual([]);
  expect(report.offences, table).toEqual([]);
  expect(unreadable.join('\n')).toBe('');
  expect(broken.join('\n')).toBe('');
  // A smaller run has no room for every route by every sort of key.
  if (REQUESTS >= PAIRS_FROM) expect(report.untried).toEqual([]);
  expect(trivial, 'these routes never did what they are for').toEqual([]);
  figure(
    'requests fuzzed, answers of 5xx',
    `0 in ${count(50_000)}`,
    `0 in ${count(REQUESTS)} (${table.split('\n')[0] ?? ''})`,
  );
}, 1_800_000);
