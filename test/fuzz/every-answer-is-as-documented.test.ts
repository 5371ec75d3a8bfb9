import { expect, test } from 'vitest';
import { useFuzzedApp } from './app.ts';

const run = useFuzzedApp();

test('whatever is asked by whatever key is answered as the document says, and breaks nothing', async () => {
  const { report, table, unlisted, trivial, unreadable, broken } = await run(2_000);
  expect(unlisted).toEqual([]);
  expect(report.offences, table).toEqual([]);
  expect(unreadable).toEqual([]);
  expect(broken).toEqual([]);
  expect(trivial, 'these routes never did what they are for').toEqual([]);
}, 120_000);
