import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

/** A file of the dashboard as it is sent. */
export type DashboardFile = {
  type: string;
  bytes: Buffer<ArrayBuffer>;
  /** Compressed once, when it is first asked for. */
  zipped(): Promise<Buffer<ArrayBuffer>>;
};

const FOLDER = new URL('../../dist/dashboard/', import.meta.url);
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const NOT_BUILT = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>opsloop</title>
<p>The API runs. The dashboard has not been built here: run <code>npm run build</code>, and start again.</p>
</html>
`;

/**
 * The built dashboard by name, such as `assets/index.js`. All of it is read at once: files that are built anew while we
 * run belong to another page.
 */
export function makeDashboard(folder: URL = FOLDER): ReadonlyMap<string, DashboardFile> {
  const names = ['index.html', ...filesIn(new URL('assets/', folder)).map((name) => `assets/${name}`)];
  return new Map(
    names.flatMap((name) => {
      const type = TYPES[extname(name)];
      return type === undefined ? [] : [[name, toFile(type, readIfThere(new URL(name, folder)))]];
    }),
  );
}

function toFile(type: string, bytes: Buffer<ArrayBuffer>): DashboardFile {
  let zipped: Promise<Buffer<ArrayBuffer>> | undefined;
  return { type, bytes, zipped: () => (zipped ??= promisify(gzip)(bytes)) };
}

function filesIn(folder: URL): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function readIfThere(url: URL): Buffer<ArrayBuffer> {
  try {
    return readFileSync(url);
  } catch {
    return Buffer.from(NOT_BUILT);
  }
}
