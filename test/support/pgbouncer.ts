import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { thisHost } from '../../src/db/local/host.ts';
import { chooseUser } from '../../src/db/local/run-as.ts';

/** Debian has it where only administrators look. */
const PROGRAM = process.env.PGBOUNCER ?? 'pgbouncer';
const ENV = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };

export type PgBouncer = {
  /** The server's address with the pooler's port. */
  url: string;
  /** Kills it, unless another signal is given. @returns the signal or the exit code that ended it */
  stop(signal?: NodeJS.Signals): Promise<string>;
};

/** Major and minor version of the PgBouncer of this machine, as 118 for 1.18; null where there is none. */
export function pgBouncerVersion(): number | null {
  const { stdout } = spawnSync(PROGRAM, ['--version'], { encoding: 'utf8', env: ENV });
  const [, major, minor] = /PgBouncer (\d+)\.(\d+)/.exec(stdout ?? '') ?? [];
  return major === undefined ? null : Number(major) * 100 + Number(minor);
}

/**
 * A PgBouncer before the server, in transaction mode, with fewer connections to it than one of our pools has.
 * Each transaction takes the next one, so that whoever relies on having the same one again is found out.
 * @param databases the name of the only one that it leads to
 */
export async function startPgBouncer(
  serverUrl: string,
  settings: Record<string, string> = {},
  databases = '*',
): Promise<PgBouncer> {
  const server = new URL(serverUrl);
  const folder = await mkdtemp(join(tmpdir(), 'opsloop-pgbouncer-'));
  const port = Number(settings.listen_port ?? (await freePort()));
  const password = decodeURIComponent(server.password);
  const all = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: password === '' ? 'trust' : 'scram-sha-256',
    auth_file: join(folder, 'users.txt'),
    pool_mode: 'transaction',
    default_pool_size: 8,
    max_client_conn: 1_000,
    server_round_robin: 1,
    ...settings,
  };
  const config = [
    '[databases]',
    `${databases} = host=${server.hostname} port=${server.port}`,
    '[pgbouncer]',
    ...Object.entries(all).map(([name, value]) => `${name} = ${value}`),
  ];
  await writeFile(join(folder, 'users.txt'), `"${server.username}" "${password}"\n`);
  await writeFile(join(folder, 'pgbouncer.ini'), config.join('\n'));
  // Like PostgreSQL, it does not run as root.
  const { uid, gid } = await chooseUser(join(folder, 'none'), thisHost());
  const user = uid === null || gid === null ? {} : { uid, gid };
  if (uid !== null && gid !== null) await chown(folder, uid, gid);
  await chmod(folder, 0o755);

  const child = spawn(PROGRAM, [join(folder, 'pgbouncer.ini')], {
    ...user,
    cwd: folder,
    env: ENV,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'exit');
  ended.catch(() => undefined);
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (/process up/.test(said)) resolve();
    });
    child.on('error', reject);
    child.on('exit', () => reject(new Error(`PgBouncer did not start:\n${said}`)));
  });

  const url = new URL(serverUrl);
  url.hostname = '127.0.0.1';
  url.port = String(port);
  return {
    url: url.href,
    async stop(signal = 'SIGKILL') {
      child.kill(signal);
      const [code, by] = await ended;
      await rm(folder, { recursive: true, force: true });
      return by ?? String(code);
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
