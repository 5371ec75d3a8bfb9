import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Link, makeLink } from '../proxy/link.ts';
import { type Actor, makeActor } from './actor.ts';
import { ALL_CLOCKS, CARRIERS, SERVERS, WALL_CLOCK, WORKERS } from './cast.ts';
import { type Clock, makeClock } from './clock.ts';
import { MODEL } from './model.ts';
import { freePort } from './proc.ts';

/** Where the programs find each other. */
export type Surroundings = {
  folder: string;
  logs: string;
  workspace: string;
  mark: string;
  apiKey: string;
  databaseUrl: string;
  poolerUrl: string;
  modelUrl: string;
};

/** The programs, none of which runs yet, and the links between them. */
export type Programs = {
  actors: Map<string, Actor>;
  links: Map<string, Link>;
  clocks: Map<string, Clock>;
  /** Of the servers: their homes, and their addresses with and without a link before them. */
  homes: string[];
  urls: string[];
  direct: string[];
};

const ROOT = resolve(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'dist/cli/main.js');
const SLOTS = { analyze: 5, generate: 2, review: 2, publish: 2 };
/** What no answer of a model may take longer than here. */
const TIMEOUTS = { firstTokenMs: 5_000, idleMs: 3_000, totalMs: 15_000 };

export async function makePrograms(given: Surroundings): Promise<Programs> {
  const { folder, logs, workspace, mark, apiKey, databaseUrl, poolerUrl, modelUrl } = given;
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
    through(databaseUrl, await addLink(`${name} -> database`, Number(new URL(databaseUrl).port), 'postgres'));
  const add = (name: string, command: string, args: string[], env: Record<string, string>) => {
    const common = {
      // Nothing is written beside the client's source.
      PYTHONDONTWRITEBYTECODE: '1',
      PATH: process.env.PATH ?? '',
      HOME: folder,
      OPSLOOP_CHAOS_RUN: mark,
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
      OPSLOOP_WORKSPACE: workspace,
      OPSLOOP_FILES: 'process',
      OPSLOOP_API_KEY: apiKey,
      OPSLOOP_LLM: `ollama:${MODEL}`,
      OLLAMA_URL: modelUrl,
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
    const address = name === SERVERS[2] ? poolerUrl : await databaseOf(name);
    // Through its link it is called by another port than its own.
    const env = { DATABASE_URL: address, OPSLOOP_ALLOWED_HOSTS: '127.0.0.1' };
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
  return { actors, links, clocks, homes, urls, direct };
}
