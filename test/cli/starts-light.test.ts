import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { startProgram } from '../support/process.ts';

/** Names every module on stderr before it is loaded. */
const HOOKS = `export function load(url, context, next) { process._rawDebug(url); return next(url, context); }`;
const REGISTER = `import { register } from 'node:module'; register(${JSON.stringify(`data:text/javascript,${HOOKS}`)});`;

test('a command loads no driver of PostgreSQL and no YAML before it needs them', async () => {
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(REGISTER)}` };
  const program = startProgram(['--version'], env);
  expect(await program.ended).toMatchObject({ code: 0 });
  const loaded = program.stderr().split('\n');
  expect(loaded.some((url) => url.endsWith(resolve('dist/cli/main.js')))).toBe(true);
  expect(loaded.filter((url) => /node_modules\/(?:pg|yaml)\//.test(url))).toEqual([]);
});
