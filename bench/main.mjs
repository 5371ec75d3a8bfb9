import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { CELLS } from './cells/all.mjs';
import { killChildren } from './lib/children.mjs';
import { pause } from './lib/clock.mjs';
import { markdown } from './lib/markdown.mjs';
import { picture } from './lib/picture.mjs';
import { startPostgres } from './lib/postgres.mjs';
import { table } from './lib/report.mjs';

/** How long what a failed cell still does is waited for. */
const PATIENCE_MS = 30_000;

const { values: options } = parseArgs({
  options: {
    cell: { type: 'string', multiple: true },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    minutes: { type: 'string' },
    json: { type: 'boolean', default: false },
    markdown: { type: 'string' },
    svg: { type: 'string' },
  },
});
const unknown = (options.cell ?? []).filter((name) => !CELLS.some((cell) => cell.name === name));
if (unknown.length > 0)
  throw new Error(
    `no cell is called ${unknown.join(', ')}; there are ${CELLS.map((cell) => cell.name).join(', ')}`,
  );
const wanted = CELLS.filter(
  ({ name, isQuick }) => options.cell?.includes(name) ?? (!options.quick || isQuick),
);
const rounds = Number(options.rounds ?? (options.quick ? 1 : 5));
const minutes = options.minutes === undefined ? undefined : Number(options.minutes);

const say = (text) => process.stdout.write(`${text}\n`);
const progress = (text) => process.stderr.write(`${text}\n`);
const results = [];
const failures = [];
const postgres = await startPostgres();
const machine = describeMachine(postgres.settings);

// What a participant throws beside all calls must not end the run; PostgreSQL would go on without us.
let failCell = (error) => progress(error.stack);
process.on('uncaughtException', (error) => failCell(error));
let leaving;
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void leave(1));

for (const cell of wanted) {
  const failed = new Promise((_, reject) => (failCell = reject));
  const run = cell.run({ postgres, quick: options.quick, rounds, minutes, progress });
  try {
    const found = await Promise.race([run, failed]);
    results.push(...found.map((result) => ({ cell: cell.name, ...result })));
  } catch (error) {
    if (leaving) await new Promise(() => undefined);
    // The results of the other cells are not lost for it.
    progress(`The cell ${cell.name} failed: ${error.stack}`);
    failures.push({ cell: cell.name, message: error.message });
    await Promise.all([killChildren(), postgres.cut()]);
    await Promise.race([run.catch(() => undefined), pause(PATIENCE_MS)]);
  }
}
const report = { machine, rounds, results, failures };
const pictureFile = options.svg && options.markdown ? relative(dirname(options.markdown), options.svg) : '';
if (options.svg) writeFileSync(options.svg, picture(report));
if (options.markdown) writeFileSync(options.markdown, markdown(report, wanted, pictureFile));
if (options.json) say(JSON.stringify(report, null, 2));
else {
  say(`${machine.date}, ${machine.cores} x ${machine.cpu}, ${machine.memory_gb} GB, Node ${machine.node}`);
  say(`PostgreSQL ${words(machine.postgres)}; ${words(machine.participants)}`);
  for (const result of results) say(table(result));
  for (const { cell, message } of failures) say(`The cell ${cell} failed: ${message}`);
}
await leave(failures.length > 0 ? 1 : 0);

/** A cell that failed can leave an app behind that goes on trying to reach its database, so this ends the process. */
function leave(code) {
  leaving ??= Promise.all([killChildren(), postgres.stop()]).then(() =>
    process.stdout.write('', () => process.exit(code)),
  );
  return leaving;
}

function words(named) {
  return Object.entries(named)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}

function describeMachine(settings) {
  const { dependencies } = JSON.parse(readFileSync(join(import.meta.dirname, 'package.json'), 'utf8'));
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memory_gb: Math.round(totalmem() / 1e9),
    load_at_the_start: loadavg()[0],
    node: process.version,
    participants: {
      'graphile-worker': dependencies['graphile-worker'],
      'pg-boss': dependencies['pg-boss'],
    },
    postgres: settings,
  };
}
