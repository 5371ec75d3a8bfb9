import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from '../../src/db/database.ts';
import { sleep, until } from '../lib/time.ts';
import type { Link } from '../proxy/link.ts';
import type { Actor } from './actor.ts';
import { CARRIERS, SERVERS, WORKERS } from './cast.ts';
import type { Clock } from './clock.ts';
import { watchMemory } from './memory.ts';
import { makeModel, type Model } from './model.ts';
import { makePostgres, type Postgres } from './postgres.ts';
import { makePooler, type Pooler } from './pooler.ts';
import { makePrograms } from './programs.ts';
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
  actors: readonly Actor[];
  actor(name: string): Actor;
  link(name: string): Link;
  clock(name: string): Clock;
  /** Addresses of the servers as clients see them, through their links. */
  urls: string[];
  /** The most that each program has had so far, in bytes. */
  memory: ReadonlyMap<string, number>;
  apiKey: string;
  /** The homes of the servers, whose first one has signed the log. */
  homes: string[];
  /** So that none is left that writes to the database. @returns those that had to be killed */
  stopPrograms(): Promise<string[]>;
};

/** More than a minute of load leaves, several times. */
const MEGABYTES = { database: 300, perMinute: 30, workspace: 6 };

/** A server ends in order within 10 s, and a little more under load. */
const STOP_LIMIT_MS = 30_000;

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
  // Also what the supports of tests make.
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

  const { actors, links, clocks, homes, urls, direct } = await makePrograms({
    folder,
    logs,
    workspace: volumes.workspace.path,
    mark: options.mark,
    apiKey,
    databaseUrl: postgres.url,
    poolerUrl: pooler.url,
    modelUrl: model.url,
  });

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
    actors: [...actors.values()],
    actor: (name) => found(actors, name),
    link: (name) => found(links, name),
    clock: (name) => found(clocks, name),
    urls,
    memory: watchMemory(actors.values()),
    apiKey,
    homes,
    async stopPrograms() {
      for (const actor of actors.values()) actor.signal('SIGTERM');
      const all = [...actors.values()].map(async (actor) => {
        const inTime = await Promise.race([actor.ended(), sleep(STOP_LIMIT_MS)]);
        if (inTime) return [];
        actor.signal('SIGKILL');
        await actor.ended();
        return [actor.name];
      });
      return (await Promise.all(all)).flat();
    },
  };
}

function found<T>(map: Map<string, T>, name: string): T {
  const thing = map.get(name);
  if (thing === undefined) throw new Error(`there is no ${name} on the stage`);
  return thing;
}
