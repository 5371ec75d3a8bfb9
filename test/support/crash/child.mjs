// Runs one operation for each line of its input. With `at` and `when` it is killed with SIGKILL at that statement:
// before it is sent, when it is sent and not answered, or when its answer is there and nobody has read it.
import { createInterface } from 'node:readline';
import pg from 'pg';
import { openDatabase } from '../../../dist/db/database.js';
import { silentLog } from '../../../dist/log.js';
import { operations } from './operations.mjs';

let statements = 0;
let crash = null;

const die = () => process.kill(process.pid, 'SIGKILL');
const query = pg.Client.prototype.query;
pg.Client.prototype.query = function (...args) {
  // Hints are sent a little later, and belong to no operation.
  if ((args[0].text ?? args[0]).startsWith('select pg_notify')) return query.apply(this, args);
  statements++;
  if (crash === null || statements !== crash.at) return query.apply(this, args);
  if (crash.when === 'before') {
    die();
    return new Promise(() => {});
  }
  if (crash.when === 'sent') {
    const result = query.apply(this, args);
    die();
    return result;
  }
  const last = args.at(-1);
  if (typeof last !== 'function') return query.apply(this, args).finally(die);
  return query.apply(this, [...args.slice(0, -1), die]);
};

const database = openDatabase(process.env.DATABASE_URL, {
  log: silentLog(),
  max: 4,
  applicationName: `crash ${process.pid}`,
});
// Connections of its own would be statements of the operation.
await Promise.all([database.query('select 1'), database.query('select 1')]);
process.stdout.write('ready\n');

for await (const line of createInterface({ input: process.stdin })) {
  const { name, state, at, when } = JSON.parse(line);
  statements = 0;
  crash = at === undefined ? null : { at, when };
  let refused = null;
  try {
    await operations[name](database, state);
  } catch (error) {
    refused = { code: error.code ?? null, message: error.message };
  }
  const made = statements;
  crash = null;
  process.stdout.write(`${JSON.stringify({ statements: made, refused })}\n`);
}
await database.close();
process.exit(0);
