// Two schedules over the night in which Berlin sets its clocks forward, and the one in which it sets them back. Nobody
// waits: the time at which schedules are looked at is given. Needs a built opsloop (npm run build).
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDatabase } from '../../dist/cli/database.js';
import { createOpsloop, makeLog, readConfig } from '../../dist/index.js';
import { addSchedule } from '../../dist/schedules/schedules.js';
import { takeDue } from '../../dist/schedules/take-due.js';

const ZONE = 'Europe/Berlin';
const NIGHTS = [
  ['forward', '2027-03-27T23:00:00Z'],
  ['back', '2027-10-30T23:00:00Z'],
];
const SCHEDULES = { nightly: '30 2 * * *', 'every-half-hour': '*/30 1-3 * * *' };

const home = await mkdtemp(join(tmpdir(), 'opsloop-example-'));
await chmod(home, 0o711);
const config = readConfig({ OPSLOOP_HOME: home, OPSLOOP_LLM: 'none' });
const log = makeLog({ level: 'warn', terminal: false });
const data = await startDatabase(config, log);
const parts = { worker: false, heartbeat: false, files: false, schedules: false };
const app = createOpsloop({ config, databaseUrl: data.url, log, parts });
try {
  await app.ready;
  const { database, propose } = app;
  const text = { agent_id: 'pm', kind: 'analysis', title: 'Look at the shop' };
  for (const [name, cron] of Object.entries(SCHEDULES))
    await addSchedule(database, { name, ...text, cron, timezone: ZONE, missed: 'skip' }, 'example');

  for (const [way, begin] of NIGHTS) {
    for (let minute = 0; minute <= 240; minute += 10) {
      const now = new Date(Date.parse(begin) + minute * 60_000);
      await takeDue({ database, propose }, now, []);
    }
    for (const [name, cron] of Object.entries(SCHEDULES)) {
      const times = await proposedSince(database, name, begin);
      process.stdout.write(`clocks ${way}, ${name} (${cron}): ${times.join(' ')}\n`);
    }
  }
} finally {
  await app.stop();
  await data.stop();
  await rm(home, { recursive: true, force: true });
}

/** What was proposed, by the time that clocks in Berlin showed. */
async function proposedSince(database, name, begin) {
  const rows = await database.query(
    'select run_at from ops_proposals where created_by = $1 and run_at >= $2 order by run_at',
    [`schedule:${name}`, begin],
  );
  const format = { timeZone: ZONE, hour: '2-digit', minute: '2-digit' };
  return rows.map((row) => row.run_at.toLocaleTimeString('en-GB', format));
}
