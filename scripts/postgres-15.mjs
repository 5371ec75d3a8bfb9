// A throwaway server from Debian's package postgresql-15 (or the programs in PG15_BIN).
import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const BIN = process.env.PG15_BIN ?? '/usr/lib/postgresql/15/bin';

/** Runs `work` with the server's address and a way to run its programs, and removes it afterwards. */
export async function withPostgres15(work) {
  const folder = mkdtempSync(join(tmpdir(), 'opsloop-pg15-'));
  // PostgreSQL refuses to run as root.
  const user = process.getuid?.() === 0 ? idsOf('postgres') : {};
  if ('uid' in user) chownSync(folder, user.uid, user.gid);
  const run = (program, args) =>
    execFileSync(join(BIN, program), args, {
      encoding: 'utf8',
      cwd: folder,
      ...user,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const data = join(folder, 'data');
  const port = await freePort();
  try {
    run('initdb', ['-D', data, '-A', 'trust', '-U', 'postgres', '--encoding=UTF8', '--locale=C']);
    const settings = `-p ${port} -k ${folder} -h 127.0.0.1 -c max_connections=300`;
    run('pg_ctl', ['-D', data, '-w', '-l', join(folder, 'log'), '-o', settings, 'start']);
    try {
      return await work(`postgres://postgres@127.0.0.1:${port}/postgres`, run);
    } finally {
      run('pg_ctl', ['-D', data, '-m', 'fast', '-w', 'stop']);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function idsOf(name) {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  if (!line) throw new Error(`there is no user ${name}`);
  const [, , uid, gid] = line.split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
      .on('error', reject)
      .listen(0, '127.0.0.1', () => {
        const { port } = server.address();
        server.close(() => resolve(port));
      });
  });
}
