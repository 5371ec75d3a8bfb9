// Writes schema.sql: what the migrations make, as PostgreSQL 15 tells it. With --check it only compares.
// Needs Debian's package postgresql-15 (or its binaries in PG15_BIN) and a build in dist/.
import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const BIN = process.env.PG15_BIN ?? '/usr/lib/postgresql/15/bin';
const PORT = '54315';
const check = process.argv.includes('--check');
const folder = mkdtempSync(join(tmpdir(), 'opsloop-schema-'));
const data = join(folder, 'data');
const url = `postgres://postgres@127.0.0.1:${PORT}/postgres`;

// PostgreSQL refuses to run as root.
const user = process.getuid?.() === 0 ? idsOf('postgres') : {};
if ('uid' in user) chownSync(folder, user.uid, user.gid);

try {
  run('initdb', ['-D', data, '-A', 'trust', '-U', 'postgres', '--encoding=UTF8', '--locale=C']);
  run('pg_ctl', [
    '-D',
    data,
    '-w',
    '-l',
    join(folder, 'log'),
    '-o',
    `-p ${PORT} -k ${folder} -h 127.0.0.1`,
    'start',
  ]);
  try {
    execFileSync(process.execPath, ['dist/cli/main.js', 'migrate'], {
      env: { ...process.env, DATABASE_URL: url },
    });
    const found = tidy(run('pg_dump', ['--schema-only', '--no-owner', '--no-privileges', url]));
    if (!check) writeFileSync('schema.sql', found);
    else if (readFileSync('schema.sql', 'utf8') !== found) {
      console.error('schema.sql is not what the migrations make; run `npm run schema` and commit it.');
      process.exitCode = 1;
    } else console.log('schema.sql is what the migrations make.');
  } finally {
    run('pg_ctl', ['-D', data, '-m', 'fast', '-w', 'stop']);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function run(program, args) {
  return execFileSync(join(BIN, program), args, {
    encoding: 'utf8',
    cwd: folder,
    ...user,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Without what differs from dump to dump: versions, settings, and the random word of \restrict. */
function tidy(dump) {
  const lines = dump.split('\n').filter((line) => !/^(--|SET |SELECT pg_catalog|\\)/.test(line));
  return `${lines
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()}\n`;
}

function idsOf(name) {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  if (!line) throw new Error(`there is no user ${name}`);
  const [, , uid, gid] = line.split(':');
  return { uid: Number(uid), gid: Number(gid) };
}
