import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { startLocalPostgres } from '../../src/db/local/local-postgres.ts';
import { isLinux, newHome, query } from './support.ts';

test.skipIf(!isLinux)('the password is on no command line, in no environment and in no log', async () => {
  const home = await newHome();
  let logged = '';
  const log = pino({ level: 'trace' }, { write: (line: string) => void (logged += line) });
  const seen = new Set<string>();
  const done = new AbortController();
  const watching = (async () => {
    while (!done.signal.aborted) {
      for (const name of await readdir('/proc')) {
        if (!/^\d+$/.test(name)) continue;
        for (const file of ['cmdline', 'environ']) {
          seen.add(await readFile(`/proc/${name}/${file}`, 'utf8').catch(() => ''));
        }
      }
    }
  })();
  const server = await startLocalPostgres({ home, log });
  await query(server.url, 'select 1');
  await server.stop();
  done.abort();
  await watching;

  const password = new URL(server.url).password;
  expect(password.length).toBeGreaterThanOrEqual(32);
  const commandLines = [...seen].join('\n');
  expect(commandLines).toContain('--pwfile=');
  expect(commandLines).not.toContain(password);
  expect(logged).toContain('PostgreSQL started');
  expect(logged).not.toContain(password);
  expect(await readFile(server.logFile, 'utf8')).not.toContain(password);
  expect(await readFile(join(home, 'postgres', 'opsloop.conf'), 'utf8')).not.toContain(password);
});
