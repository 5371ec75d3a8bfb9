import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Database } from '../../src/db/database.ts';
import { until } from '../lib/time.ts';
import { type Link, makeLink } from '../proxy/link.ts';
import { type Actor, makeActor } from './actor.ts';
import { ALL_CLOCKS, CARRIERS, SERVERS, WALL_CLOCK, WORKERS } from './cast.ts';
import { type Clock, makeClock } from './clock.ts';
import { makeModel, type Model, MODEL } from './model.ts';
import { makePostgres, type Postgres } from './postgres.ts';
import { makePooler, type Pooler } from './pooler.ts';
import { freePort } from './proc.ts';
import { makeVolume, type Volume } from './volumes.ts';
import { startWarden } from './warden.ts';

/** Everything that a run works with and against. */
export type Stage = {
  folder: string;
  postgres: Postgres;
  /** Straight to PostgreSQL. */
  database: Database;
  pooler: Pooler;
  model: Model;
  volumes: { database: Volume; workspace: Volume };
  actor(name: string): Actor;
  link(name: string): Link;
  clock(name: string): Clock;
  /** Addresses of the servers as clients see them, through their links. */
  urls: string[];
  apiKey: string;
  /** The homes of the servers, whose first one has signed the log. */
  homes: string[];
  /** Resolves when all servers answer. */
  ready(): Promise<void>;
  /** In order: no program is left that writes to the database. */
  stopPrograms(): Promise<void>;
};

const ROOT = resolve(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'dist/cli/main.js');
/** More than a minute of load leaves, several times. */
const MEGABYTES = { database: 300, perMinute: 30, workspace: 6 };
const SLOTS = { analyze: 5, generate: 2, review: 2, publish: 2 };
/** What no answer of a model may take longer than here. */
const TIMEOUTS = { firstTokenMs: 5_000, idleMs: 3_000, totalMs: 15_000 };

/** A folder of this run, and somebody who takes away all of it whatever happens. */
export function openFolder(mark: string) {
  const folder = mkdtempSync(join(tmpdir(), 'opsloop-chaos-'));
  chmodSync(folder, 0o711);
  return { folder, warden: startWarden(mark, folder) };
}

/** Everything that is started for a run lives in its folder, which the warden removes. */
export async function setStage(
  folder: string,
  options: { seed: number; minutes: number; mark: string; remember(mount: string): void },
): Promise<Stage> {
  process.env.TMPDIR = folder;
  const logs = join(folder, 'logs');
  mkdirSync(logs);
  mkdirSync(join(folder, 'binaries'));
  const megabytes = MEGABYTES.database + Math.ceil(options.minutes * MEGABYTES.perMinute);
  const volumes = {
    database: makeVolume(join(folder, 'database'), megabytes, options.remember),
    workspace: makeVolume(join(folder, 'workspace'), MEGABYTES.workspace, options.remember),
  };
  const logFile = join(logs, 'postgres.log');
  const postgres = await makePostgres(volumes.database.path, join(folder, 'binaries'), logFile);
  const pooler = await makePooler(postgres.url);
  const model = await makeModel(options.seed);
  const apiKey = randomBytes(24).toString('base64url');

  const actors = new Map<string, Actor>();
  const links = new Map<string, Link>();
  const clocks = new Map<string, Clock>();
  const addLink = async (name: string, port: number, speaks: 'postgres' | 'http') => {
    const link = await makeLink(name, port, speaks);
    links.set(name, link);
    return link.port;
  };
  const through = (address: string, port: number) =>
    Object.assign(new URL(address), { port: String(port) }).href;
  const databaseOf = async (name: string) =>
    through(postgres.url, await addLink(`${name} -> database`, postgres.port, 'postgres'));
  const add = (name: string, command: string, args: string[], env: Record<string, string>) => {
    const common = {
      // Nothing is written beside the client's source.
      PYTHONDONTWRITEBYTECODE: '1',
      PATH: process.env.PATH ?? '',
      HOME: folder,
      OPSLOOP_CHAOS_RUN: options.mark,
    };
    const script = { name, command, args, env: { ...common, ...env }, logFile: join(logs, `${name}.log`) };
    actors.set(name, makeActor(script));
  };
  const opsloop = (name: string, args: string[], env: Record<string, string>) => {
    const home = join(folder, name);
    mkdirSync(home);
    writeFileSync(join(home, 'config.json'), JSON.stringify({ slots: SLOTS, llm: { timeouts: TIMEOUTS } }));
    add(name, process.execPath, [MAIN, ...args], {
      OPSLOOP_HOME: home,
      OPSLOOP_WORKSPACE: volumes.workspace.path,
      OPSLOOP_FILES: 'process',
      OPSLOOP_API_KEY: apiKey,
      OPSLOOP_LLM: `ollama:${MODEL}`,
      OLLAMA_URL: model.url,
      OPS_WORKER_ID: name,
      OPS_HEARTBEAT_INTERVAL: '20',
      ...env,
    });
    return home;
  };

  const homes: string[] = [];
  const urls: string[] = [];
  const direct: string[] = [];
  for (const name of SERVERS) {
    const port = await freePort();
    const databaseUrl = name === SERVERS[2] ? pooler.url : await databaseOf(name);
    // Through its link it is called by another port than its own.
    const env = { DATABASE_URL: databaseUrl, OPSLOOP_ALLOWED_HOSTS: '127.0.0.1' };
    homes.push(opsloop(name, ['up', '--no-sample', '--port', String(port)], env));
    direct.push(`http://127.0.0.1:${port}`);
    urls.push(`http://127.0.0.1:${await addLink(`clients -> ${name}`, port, 'http')}`);
  }
  for (const name of WORKERS) {
    const clock =
      name === WALL_CLOCK || name === ALL_CLOCKS ? makeClock(folder, name, name === ALL_CLOCKS) : null;
    if (clock) clocks.set(name, clock);
    opsloop(name, ['worker'], { DATABASE_URL: await databaseOf(name), ...clock?.env });
  }
  for (const [n, name] of CARRIERS.entries()) {
    add(name, 'python3', [join(import.meta.dirname, 'carrier.py')], {
      OPSLOOP_URL: urls[n] ?? '',
      OPSLOOP_API_KEY: apiKey,
      OPSLOOP_CHAOS_CLIENTS: join(ROOT, 'clients/python'),
      OPSLOOP_CHAOS_NAME: name,
    });
  }

  const ready = async () => {
    const all = await until(async () => {
      const answers = await Promise.all(
        direct.map((url) =>
          fetch(`${url}/api/ops/health`, {
            headers: { authorization: `Bearer ${apiKey}` },
            signal: AbortSignal.timeout(3_000),
          }),
        ),
      );
      for (const answer of answers) await answer.body?.cancel();
      return answers.every(({ ok }) => ok);
    }, 60_000);
    if (!all) throw new Error(`the servers did not all answer within 60 s; see ${logs}`);
  };

  // A worker needs a database that a server has made.
  for (const name of SERVERS) found(actors, name).start();
  await ready();
  for (const name of [...WORKERS, ...CARRIERS]) found(actors, name).start();
  return {
    folder,
    postgres,
    database: postgres.database,
    pooler,
    model,
    volumes,
    actor: (name) => found(actors, name),
    link: (name) => found(links, name),
    clock: (name) => found(clocks, name),
    urls,
    apiKey,
    homes,
    ready,
    async stopPrograms() {
      for (const actor of actors.values()) actor.signal('SIGTERM');
      await Promise.all([...actors.values()].map((actor) => actor.ended()));
    },
  };
}

function found<T>(map: Map<string, T>, name: string): T {
  const thing = map.get(name);
  if (thing === undefined) throw new Error(`there is no ${name} on the stage`);
  return thing;
}
