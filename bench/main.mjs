import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { api } from './cells/api.mjs';
import { drain } from './cells/drain.mjs';
import { idleLatency } from './cells/idle-latency.mjs';
import { startPostgres } from './lib/postgres.mjs';
import { table } from './lib/report.mjs';

const CELLS = [drain, idleLatency, api];
const { values: options } = parseArgs({
  options: {
    cell: { type: 'string', multiple: true },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const unknown = (options.cell ?? []).filter((name) => !CELLS.some((cell) => cell.name === name));
if (unknown.length > 0)
  throw new Error(
    `no cell is called ${unknown.join(', ')}; there are ${CELLS.map((cell) => cell.name).join(', ')}`,
  );

const say = (text) => process.stdout.write(`${text}\n`);
const progress = (text) => process.stderr.write(`${text}\n`);
const postgres = await startPostgres();
const machine = {
  date: new Date().toISOString().slice(0, 10),
  cpu: cpus()[0]?.model,
  cores: cpus().length,
  memory_gb: Math.round(totalmem() / 1e9),
  node: process.version,
  postgres: postgres.settings,
};
try {
  const rounds = Number(options.rounds ?? (options.quick ? 1 : 5));
  const results = [];
  for (const cell of CELLS.filter(({ name }) => options.cell?.includes(name) ?? true))
    results.push(...(await cell.run({ postgres, quick: options.quick, rounds, progress })));
  if (options.json) say(JSON.stringify({ machine, rounds, results }, null, 2));
  else {
    say(`${machine.date}, ${machine.cores} x ${machine.cpu}, ${machine.memory_gb} GB, Node ${machine.node}`);
    say(
      `PostgreSQL ${Object.entries(machine.postgres)
        .map(([name, value]) => `${name}=${value}`)
        .join(' ')}`,
    );
    for (const result of results) say(table(result));
  }
} finally {
  await postgres.stop();
}
