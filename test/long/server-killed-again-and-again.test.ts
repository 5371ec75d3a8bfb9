import { expect, test } from 'vitest';
import { openDatabase } from '../../src/db/database.ts';
import { attachLocalPostgres } from '../../src/db/local/local-postgres.ts';
import { silentLog } from '../../src/log.ts';
import { eventually } from '../support/loop.ts';
import { startOllamaServer } from '../support/ollama-server.ts';
import { makeHome, startUp } from '../support/process.ts';

const KILLS = 6;

test(`${KILLS} kills with -9 under load: every acknowledged proposal ends, no step is completed twice`, async () => {
  await using home = await makeHome();
  await using ollama = await startOllamaServer({ models: ['tiny'] });
  ollama.on('tiny', { loadMs: 150, text: ['done'] });
  const env = { OLLAMA_URL: ollama.url, OPSLOOP_LLM: 'ollama:tiny', OPS_HEARTBEAT_INTERVAL: '5' };
  const acknowledged = new Set<string>();
  let up = await startUp(home, env, ['--no-sample']);
  await up.call('PUT', '/api/ops/policy/daily_caps', {
    value: { timezone: 'UTC', per_agent: 100_000, total: 100_000 },
  });

  for (let kill = 0; kill < KILLS; kill++) {
    const { call, program } = up;
    const wanted = acknowledged.size + 25;
    const load = Array.from({ length: 4 }, async (_, lane) => {
      for (let n = 0; program.child.exitCode === null && program.child.signalCode === null && n < 500; n++) {
        const made = await call<{ proposal: { id: string } }>('POST', '/api/ops/proposals', {
          agent_id: 'pm',
          kind: 'analysis',
          title: `${kill} ${lane} ${n}`,
          body: 'x',
        }).catch(() => null);
        if (made) acknowledged.add(made.proposal.id);
      }
    });
    await eventually(async () => acknowledged.size >= wanted, 60_000);
    program.signal('SIGKILL');
    await program.ended;
    await Promise.all(load);
    up = await startUp(home, env);
  }

  const local = await attachLocalPostgres({ home: home.path, log: silentLog() });
  const database = openDatabase(local.url, { log: silentLog(), max: 2 });
  // Dead processes spent failures of some steps, so a mission may have failed; none may be open or lost.
  await eventually(
    async () => (await database.query("select from ops_missions where status = 'active'")).length === 0,
    300_000,
  );
  const stored = await database.query<{ id: string; status: string }>('select id, status from ops_proposals');
  const byId = new Map(stored.map((row) => [row.id, row.status]));
  expect([...acknowledged].filter((id) => byId.get(id) !== 'completed')).toEqual([]);
  expect(
    await database.query(
      `select entity_id from ops_events where kind in ('step.completed', 'mission.completed', 'proposal.completed')
       group by kind, entity_id having count(*) > 1`,
    ),
  ).toEqual([]);
  const [recovered] = await database.query<{ n: number }>(
    "select count(*)::integer as n from ops_events where kind = 'step.requeued'",
  );
  expect(recovered?.n).toBeGreaterThan(0);
  await database.close();
  up.program.signal('SIGTERM');
  await up.program.ended;
});
