import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { startLocalPostgres } from '../../src/db/local/local-postgres.ts';
import { silentLog } from '../../src/log.ts';
import { eventually } from '../support/loop.ts';
import { makeHome, startUp } from '../support/process.ts';

test('without its database the API answers 503, logs stay bounded, and the loop comes back by itself', async () => {
  await using databaseHome = await makeHome();
  await using home = await makeHome();
  let local = await startLocalPostgres({ home: databaseHome.path, log: silentLog() });
  const up = await startUp(home, { DATABASE_URL: local.url });
  await up.program.says('the sample mission has ended');

  execFileSync('pkill', ['-9', '-f', `postgres -D ${local.dataDir}`]);
  const key = await home.key();
  const refused = await eventually(async () => {
    const response = await fetch(`${up.url}/api/ops/proposals`, {
      headers: { authorization: `Bearer ${key}` },
    });
    return response.status === 503 && response;
  });
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await refused.json()).toMatchObject({ code: 'database_unavailable', status: 503 });
  expect((await fetch(`${up.url}/api/status`)).status).toBe(200);

  local = await startLocalPostgres({ home: databaseHome.path, log: silentLog() });
  const proposal = await eventually(async () =>
    up
      .call<{ proposal: { id: string } }>('POST', '/api/ops/proposals', {
        agent_id: 'pm',
        kind: 'analysis',
        title: 'after',
        body: 'x.',
      })
      .catch(() => null),
  );
  await eventually(async () => {
    const found = await up.call<{ proposal: { status: string } }>(
      'GET',
      `/api/ops/proposals/${proposal.proposal.id}`,
    );
    return found.proposal.status === 'completed';
  }, 30_000);
  expect(up.program.stderr().split('\n').length).toBeLessThan(60);
  up.program.signal('SIGTERM');
  expect(await up.program.ended).toEqual({ code: 0, signal: null });
  await local.stop();
}, 120_000);
