import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startLocalPostgres } from '../../src/db/local/local-postgres.ts';
import { isLinux, log, newHome, postmasterOf, postmastersIn, runChild } from './support.ts';

test('of several starts on one new home, in this and other processes, one makes it and the others adopt', async () => {
  const home = await newHome();
  const code = `
    const server = await local.startLocalPostgres({ home, log });
    say('adopted ' + server.adopted);
  `;
  const children = await Promise.all([1, 2].map(() => runChild(code, { args: [home] })));
  const here = await Promise.all([1, 2].map(() => startLocalPostgres({ home, log })));
  await Promise.all(children.map((child) => child.ended));
  const adopted = [
    ...here.map((server) => String(server.adopted)),
    ...children.map((child) => child.output().replace('adopted', '').trim()),
  ];
  expect(adopted.sort()).toEqual(['false', 'true', 'true', 'true']);
  if (isLinux) {
    const dataDir = join(home, 'postgres', 'data');
    expect(await postmastersIn(dataDir)).toEqual([await postmasterOf(dataDir)]);
  }
  await here[0]?.stop();
});
