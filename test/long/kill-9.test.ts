import { expect, test } from 'vitest';
import { openDatabase } from '../../src/db/database.ts';
import { attachLocalPostgres } from '../../src/db/local/local-postgres.ts';
import { silentLog } from '../../src/log.ts';
import { eventually } from '../support/loop.ts';
import { startOllamaServer } from '../support/ollama-server.ts';
import { makeHome, startUp } from '../support/process.ts';

type Mission = { mission: { id: string; status: string }; steps: { status: string; attempt: number }[] };

test('a server killed with -9 in the middle of steps loses none and does none twice', async () => {
  await using home = await makeHome();
  await using ollama = await startOllamaServer({ models: ['tiny'] });
  const env = { OLLAMA_URL: ollama.url, OPSLOOP_LLM: 'ollama:tiny' };
  // The first answers never end, so that the kill comes in the middle of them.
  ollama.on('tiny', { text: ['half an ans'], hang: 'mid-stream' });

  const first = await startUp(home, env, ['--no-sample']);
  for (let n = 0; n < 10; n++) {
    await first.call('POST', '/api/ops/proposals', {
      agent_id: 'pm',
      kind: 'analysis',
      title: `survive ${n}`,
      body: 'x',
    });
  }
  await eventually(async () => ollama.exchanges.length >= 2);
  first.program.signal('SIGKILL');
  await first.program.ended;

  ollama.on('tiny', { text: ['done'] });
  const second = await startUp(home, env);
  const missions = await eventually(async () => {
    const page = await second.call<{ missions: { id: string; status: string }[] }>(
      'GET',
      '/api/ops/missions',
    );
    return page.missions.every((mission) => mission.status !== 'active') && page.missions;
  }, 60_000);
  expect(missions).toHaveLength(11);
  expect(missions.every((mission) => mission.status === 'completed')).toBe(true);

  const local = await attachLocalPostgres({ home: home.path, log: silentLog() });
  const database = openDatabase(local.url, { log: silentLog(), max: 1 });
  const twice = await database.query(
    `select entity_id from ops_events where kind in ('step.completed', 'mission.completed', 'proposal.completed')
     group by kind, entity_id having count(*) > 1`,
  );
  expect(twice).toEqual([]);
  const [recovered] = await database.query<{ n: number }>(
    `select count(*)::integer as n from ops_events where kind = 'step.requeued'`,
  );
  expect(recovered?.n).toBe(2);
  await database.close();
  const detail = await second.call<Mission>('GET', `/api/ops/missions/${missions[10]?.id}`);
  expect(detail.steps[0]?.status).toBe('completed');
  second.program.signal('SIGINT');
  await second.program.ended;
}, 120_000);
