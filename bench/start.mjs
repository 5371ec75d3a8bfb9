// Installs what the benchmark needs, builds opsloop, and runs main.mjs on the Node 24 that all participants share.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const here = import.meta.dirname;
const node = join(here, `node_modules/node-${process.platform}-${process.arch}/bin/node`);
const quiet = { cwd: here, stdio: ['ignore', 'ignore', 'inherit'] };
if (!existsSync(join(here, 'node_modules/pg-boss')))
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], quiet);
execFileSync('npm', ['run', '--silent', 'build'], { ...quiet, cwd: resolve(here, '..') });
const runtime = existsSync(node) ? node : process.execPath;
const { status } = spawnSync(runtime, ['--expose-gc', join(here, 'main.mjs'), ...process.argv.slice(2)], {
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
