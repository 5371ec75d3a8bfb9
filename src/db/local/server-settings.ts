import { join } from 'node:path';
import { AppError } from '../../errors.ts';
import { readIfThere, writeDurably } from '../../lib/files.ts';
import { appendAsOwner } from './files.ts';
import type { RunAs } from './run-as.ts';

/** Durability is spelled out, so that no default of the bundled binaries can weaken it. */
const SETTINGS: Record<string, string> = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  shared_buffers: '128MB',
  max_connections: '200',
  max_wal_size: '1GB',
  client_encoding: 'UTF8',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '%m [%p] %a ',
};

/** What decides who can reach the server, and how we find it again. */
const OURS = [
  'port',
  'listen_addresses',
  'unix_socket_directories',
  'data_directory',
  'hba_file',
  'config_file',
];

/** Beside the data, not in it: that folder belongs to another user, who must not choose what root writes to. */
const FRAGMENT = 'opsloop.conf';
const INCLUDE = `include = '../${FRAGMENT}'`;

export async function writeSettings(
  place: string,
  user: RunAs,
  port: number,
  extra: Record<string, string>,
): Promise<void> {
  checkSettings(extra);
  const all = {
    ...SETTINGS,
    ...extra,
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
  };
  const lines = Object.entries(all).map(([name, value]) => `${name} = ${quote(value)}`);
  const text = ['# Written by opsloop at every start; changes here are lost.', ...lines, ''].join('\n');
  await writeDurably(join(place, FRAGMENT), text, user.self ? 0o600 : 0o644);
}

export async function includeSettings(dataDir: string, user: RunAs): Promise<void> {
  const path = join(dataDir, 'postgresql.conf');
  const text = (await readIfThere(path)) ?? '';
  if (text.split('\n').some((line) => line.trim() === INCLUDE)) return;
  await appendAsOwner(
    path,
    `\n# opsloop's settings; lines below this one win over them\n${INCLUDE}\n`,
    user.uid,
  );
}

function checkSettings(settings: Record<string, string>): void {
  for (const [name, value] of Object.entries(settings)) {
    if (!/^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/i.test(name) || /[\n\r\0]/.test(value)) {
      throw new AppError(
        'config_invalid',
        `The PostgreSQL setting ${JSON.stringify(name)} = ${JSON.stringify(value)} is not usable: a name has ` +
          'letters, digits and underscores, a value is one line.',
      );
    }
    if (OURS.includes(name.toLowerCase())) {
      throw new AppError(
        'config_invalid',
        `The PostgreSQL setting ${name} cannot be given: opsloop sets ${OURS.join(', ')} of its own server.`,
      );
    }
  }
}

function quote(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
