import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Database } from '../../src/db/database.ts';
import type { Answer, Asked } from './http-answers.ts';

/** Secrets by what they are, to be looked for wherever something is written down. */
export type Canaries = {
  add(what: string, secret: string): string;
  /** Which of them stand in a text or in bytes, as they are or encoded. */
  in(given: string | Buffer): string[];
};

export function makeCanaries(): Canaries {
  const needles: { what: string; bytes: Buffer }[] = [];
  return {
    add(what, secret) {
      // The random part alone: what stands before it names a key, and is no secret.
      const core = secret.slice(-43);
      const bytes = Buffer.from(core);
      for (const form of [core, bytes.toString('hex'), encodeURIComponent(core), ...inBase64(bytes)])
        needles.push({ what, bytes: Buffer.from(form) });
      return secret;
    },
    in(given) {
      const hay = typeof given === 'string' ? Buffer.from(given) : given;
      return [...new Set(needles.filter(({ bytes }) => hay.includes(bytes)).map(({ what }) => what))];
    },
  };
}

/** What every encoding of it has in it, whatever stands around it. */
function inBase64(bytes: Buffer): string[] {
  return [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    return text.slice(shift === 0 ? 0 : 4, -4);
  });
}

/** Everything in every row of every table, by table. */
export async function wholeDatabase(database: Database): Promise<Map<string, string>> {
  const tables = await database.query<{ name: string }>(
    `select quote_ident(relname) as name from pg_class
     where relkind in ('r', 'p', 'm') and relnamespace = 'public'::regnamespace`,
  );
  const texts = new Map<string, string>();
  for (const { name } of tables) {
    const rows = await database.query<{ row: string }>(`select t::text as row from ${name} t`);
    texts.set(name, rows.map(({ row }) => row).join('\n'));
  }
  return texts;
}

/** The regular files below a folder by their path in it, unpacked where they are packed. */
export function filesBelow(folder: string): Map<string, { bytes: Buffer; mode: number }> {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
  const files = paths.filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
  return new Map(
    files.map((path) => {
      const bytes = readFileSync(path);
      const all = path.endsWith('.backup') ? Buffer.concat([bytes, unpacked(bytes)]) : bytes;
      return [relative(folder, path), { bytes: all, mode: statSync(path).mode & 0o777 }];
    }),
  );
}

/** The stream between the first line of a backup and its manifest, whose length stands in the last line. */
function unpacked(backup: Buffer): Buffer {
  const end = backup.lastIndexOf('opsloop-backup-end ');
  const manifest = Number(backup.subarray(end).toString().split(' ')[1]);
  return gunzipSync(backup.subarray(backup.indexOf('\n') + 1, end - manifest));
}

/** The command lines of everything that runs on this machine, as everybody on it can read them. */
export function processList(): string {
  return execFileSync('ps', ['-eww', '-o', 'pid,args'], { encoding: 'utf8' });
}

/** Repeats whatever it was asked: the worst that a server can say. */
export function echo({ path, headers, body }: Asked): Answer {
  const message = `refused: ${path} ${JSON.stringify(headers)} ${body.slice(0, 3_000)}`;
  if (path.startsWith('/late'))
    return {
      headers: { 'content-type': 'text/event-stream' },
      body: `data: ${JSON.stringify({ error: { message, code: 500 } })}\n\n`,
    };
  const status = path.startsWith('/busy') ? 503 : path.startsWith('/who') ? 401 : 500;
  return { status, body: JSON.stringify({ error: { message } }) };
}
