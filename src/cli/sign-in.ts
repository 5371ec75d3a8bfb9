import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { writeDurably } from '../lib/files.ts';

/** In the fragment, which a browser sends to nobody: neither a server nor a proxy can log it. */
export function signInUrl(url: string, code: string): string {
  return `${url}/#code=${code}`;
}

/** A page of the home that only its owner can read, and that leads to the address. @returns where it is */
export async function writeSignInPage(home: string, address: string): Promise<string> {
  const file = join(home, 'sign-in.html');
  const text = `<!doctype html><meta charset="utf-8"><title>opsloop</title><meta http-equiv="refresh" content="0;url=${address}">`;
  await writeDurably(file, text, 0o600);
  return pathToFileURL(file).href;
}
