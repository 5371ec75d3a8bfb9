import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

/** A file of the dashboard as it is sent. */
export type DashboardFile = { type: string; bytes: Buffer<ArrayBuffer>; zipped: Buffer<ArrayBuffer> };

const FOLDER = new URL('../../dist/dashboard/', import.meta.url);
const NAME = /^(index\.html|assets\/[\w-][\w.-]*)$/;
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

/** The built dashboard: each file is read and compressed once, when it is first asked for. */
export function makeDashboard(folder: URL = FOLDER): (name: string) => Promise<DashboardFile | null> {
  const files = new Map<string, Promise<DashboardFile | null>>();
  return (name) => {
    const known = files.get(name);
    if (known) return known;
    const read = readFile(folder, name);
    // What is not there is not remembered, so that nobody fills the memory with names.
    if (NAME.test(name)) {
      files.set(name, read);
      void read.then((file) => file ?? files.delete(name));
    }
    return read;
  };
}

async function readFile(folder: URL, name: string): Promise<DashboardFile | null> {
  const type = TYPES[extname(name)];
  if (!NAME.test(name) || type === undefined) return null;
  const bytes = readIfThere(new URL(name, folder)) ?? (name === 'index.html' ? Buffer.from(NOT_BUILT) : null);
  return bytes && { type, bytes, zipped: await promisify(gzip)(bytes) };
}

function readIfThere(url: URL): Buffer<ArrayBuffer> | null {
  try {
    return readFileSync(url);
  } catch {
    return null;
  }
}
