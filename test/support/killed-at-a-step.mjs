// Runs the bridge and a worker of dist/ until the inbox is worked, and is killed with SIGKILL before the n-th
// write of KILL_AT: a change of a file of the workspace, a statement that changes files, outputs or proposals, or
// the COMMIT behind one. Without KILL_AT it prints how many such writes there were.
import { readlinkSync } from 'node:fs';
import fsp from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const workspace = process.env.OPSLOOP_WORKSPACE;
const killAt = Number(process.env.KILL_AT ?? 0);
const expected = Number(process.env.EXPECTED_FILES);
const writes = [];

async function before(what) {
  writes.push(what);
  if (writes.length !== killAt) return;
  process.stdout.write(`killed before ${what}\n`);
  process.kill(process.pid, 'SIGKILL');
  await new Promise(() => {});
}

/** A folder that is open is known by its number; its name is asked for. */
const nameOf = (path) => String(path).replace(/^\/proc\/self\/fd\/\d+/, (open) => readlinkSync(open));
const isOurs = (path) => typeof path === 'string' && nameOf(path).startsWith(workspace);
const shortName = (path) => nameOf(path).slice(workspace.length);
for (const name of ['link', 'unlink', 'rename']) {
  const original = fsp[name];
  fsp[name] = async (...args) => {
    if (isOurs(args[0])) await before(`${name} ${args.slice(0, 2).map(shortName).join(' -> ')}`);
    return original(...args);
  };
}
const open = fsp.open;
fsp.open = async (path, flags, ...rest) => {
  if (!isOurs(path) || !['wx', 'w'].includes(flags)) return open(path, flags, ...rest);
  await before(`open ${shortName(path)}`);
  const handle = await open(path, flags, ...rest);
  for (const name of ['writeFile', 'sync']) {
    const original = handle[name].bind(handle);
    handle[name] = async (...args) => {
      await before(`${name} ${shortName(path)}`);
      return original(...args);
    };
  }
  return handle;
};
syncBuiltinESMExports();

const { default: pg } = await import('pg');
const CHANGES = /(insert into|update) ops_(files|artefacts|proposals)\b/;
const query = pg.Client.prototype.query;
const dirty = new WeakSet();
pg.Client.prototype.query = function (config, ...rest) {
  const text = typeof config === 'string' ? config : config.text;
  const go = () => query.call(this, config, ...rest);
  const wait = (what) => {
    const waiting = before(what).then(go);
    // With a callback, the pool wants no promise.
    return typeof rest.at(-1) === 'function' ? undefined : waiting;
  };
  if (CHANGES.test(text)) {
    dirty.add(this);
    return wait(`statement ${CHANGES.exec(text)[0]}`);
  }
  if (/^commit/i.test(text) && dirty.delete(this)) return wait('commit');
  return go();
};

const { createApp } = await import('../../dist/app.js');
const { readConfig } = await import('../../dist/config.js');
const { silentLog } = await import('../../dist/log.js');

const app = createApp({
  config: readConfig(),
  databaseUrl: process.env.DATABASE_URL,
  log: silentLog(),
  parts: { heartbeat: false },
});
await app.ready;
for (;;) {
  const [row] = await app.database.query(
    "select count(*)::integer as done from ops_files where status = 'finished'",
  );
  if (row.done >= expected) break;
  await new Promise((resolve) => setTimeout(resolve, 20));
}
process.stdout.write(`${JSON.stringify(writes)}\n`);
await app.stop(0);
process.exit(0);
