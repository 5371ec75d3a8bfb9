import { expect, test } from 'vitest';
import { useFuzzedApp } from '../fuzz/app.ts';

const run = useFuzzedApp();

test('50,000 requests by every key are answered as the document says, and break nothing', async () => {
  const { report, table, unlisted, trivial, unreadable, broken } = await run(50_000);
  process.stdout.write(`${table}\n`);
  expect(unlisted).toEqual([]);
  expect(report.offences, table).toEqual([]);
  expect(unreadable).toEqual([]);
  expect(broken).toEqual([]);
  expect(trivial, 'these routes never did what they are for').toEqual([]);
}, 900_000);
