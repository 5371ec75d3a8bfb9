import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

/** The rules of docs/architecture.md, read from the code. */
const root = resolve(import.meta.dirname, '../src');
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.tsx?$/.test(file) && !file.endsWith('.test.ts'))
  .map((file) => file.replaceAll('\\', '/'));

type Import = { from: string; target: string; typeOnly: boolean };

function importsOf(file: string): Import[] {
  const code = readFileSync(join(root, file), 'utf8');
  const found = [...code.matchAll(/^(?:import|export)\s+(type\s)?[^;]*?from\s+'([^']+)';/gms)];
  return found.map(([statement, type, target = '']) => ({
    from: file,
    target: target.startsWith('.')
      ? relative(root, resolve(root, dirname(file), target)).replaceAll('\\', '/')
      : target,
    typeOnly: type !== undefined || /^(?:import|export)\s+\{\s*(?:type \w+,?\s*)+\}/.test(statement),
  }));
}

const imports = files.flatMap(importsOf);
const layerOf = (path: string) =>
  path.includes('/') ? path.slice(0, path.indexOf('/')) : path.replace('.ts', '');
const DOMAINS = ['policy', 'agents', 'keys', 'proposals', 'missions', 'steps'];

/** What each folder may import of ours. */
const MAY: Record<string, string[]> = {
  lib: ['errors'],
  errors: [],
  log: [],
  version: [],
  db: ['lib', 'errors', 'log'],
  events: ['db', 'lib', 'errors', 'log'],
  ...Object.fromEntries(DOMAINS.map((domain) => [domain, ['events', 'db', 'lib', 'errors']])),
  engine: ['policy', 'missions', 'proposals', 'steps', 'db', 'lib', 'errors'],
  loop: ['engine', ...DOMAINS, 'events', 'db', 'lib', 'errors'],
  llm: ['lib', 'errors', 'log'],
  schedules: ['loop', 'policy', 'agents', 'proposals', 'db', 'lib', 'errors', 'log'],
  workspace: ['worker', 'loop', 'engine', 'policy', 'agents', 'db', 'lib', 'errors', 'log'],
  worker: ['engine', 'agents', 'llm', 'db', 'lib', 'errors', 'log', 'version'],
  work: ['worker', 'engine', 'keys', 'db', 'lib', 'errors', 'log'],
  retention: ['policy', 'events', 'db', 'lib', 'errors'],
  tallies: ['events', 'db', 'lib', 'errors'],
  check: ['events', 'policy', 'proposals', 'db', 'lib', 'errors'],
  overview: ['loop', 'tallies', 'engine', ...DOMAINS, 'db', 'lib', 'errors'],
  mcp: ['client', 'event-stream', 'policy', 'proposals', 'missions', 'steps', 'lib', 'errors', 'version'],
  webhooks: ['loop', 'proposals', 'events', 'keys', 'db', 'lib', 'errors', 'log'],
  fleet: ['schedules', 'webhooks', 'policy', 'agents', 'keys', 'db', 'lib', 'errors'],
  backup: ['check', 'events', 'policy', 'db', 'lib', 'errors', 'log', 'version'],
  health: ['backup', 'schedules', 'webhooks', 'heartbeat', 'events', 'llm', 'db', 'lib', 'version'],
  alerts: ['health', 'overview', 'policy', 'db', 'lib', 'errors', 'log'],
  heartbeat: [
    'webhooks',
    'retention',
    'tallies',
    'engine',
    'policy',
    'keys',
    'events',
    'db',
    'lib',
    'errors',
    'log',
  ],
};

/** The same for the folders of the dashboard. */
const DASHBOARD_MAY: Record<string, string[]> = {
  data: [],
  ui: ['data'],
  views: ['ui', 'data'],
  shell: ['views', 'ui', 'data'],
};

/** Types alone may cross these, because they tie nothing together at run time. */
const TYPES_MAY: Record<string, string[]> = {
  missions: ['events'],
  proposals: ['policy'],
  engine: ['steps', 'missions', 'proposals'],
};

test.each(Object.keys(MAY))('%s imports only what stands below it', (layer) => {
  const wrong = imports.filter(({ from, target, typeOnly }) => {
    if (layerOf(from) !== layer || !/\.tsx?$/.test(target) || layerOf(target) === layer) return false;
    if (typeOnly && TYPES_MAY[layer]?.includes(layerOf(target))) return false;
    return !MAY[layer]?.includes(layerOf(target));
  });
  expect(wrong.map(({ from, target }) => `${from} -> ${target}`)).toEqual([]);
});

test.each(Object.keys(DASHBOARD_MAY))('in the dashboard, %s imports only what stands below it', (part) => {
  const partOf = (path: string) => path.split('/')[1] ?? '';
  const wrong = imports.filter(({ from, target }) => {
    if (!from.startsWith(`dashboard/${part}/`) || !target.includes('/')) return false;
    // The client, from the package itself, is the only way to the server.
    if (!target.startsWith('dashboard/')) return /\.tsx?$/.test(target) && target !== 'lib/visible.ts';
    const sameView = from.split('/').slice(0, 3).join('/') === target.split('/').slice(0, 3).join('/');
    if (part === 'views' && partOf(target) === 'views') return !sameView;
    return partOf(target) !== part && !DASHBOARD_MAY[part]?.includes(partOf(target));
  });
  expect(wrong.map(({ from, target }) => `${from} -> ${target}`)).toEqual([]);
});

test('the queries of a domain are private to it, but for the layers that decide across domains', () => {
  const wrong = imports.filter(
    ({ from, target }) =>
      target.endsWith('queries.ts') &&
      layerOf(from) !== layerOf(target) &&
      !['loop', 'engine'].includes(layerOf(from)),
  );
  expect(wrong.map(({ from, target }) => `${from} -> ${target}`)).toEqual([]);
});

test('SQL stands in queries.ts, in engine/, and in db/', () => {
  const sql = /\b(select\s+[\w*(]|insert into \w|update \w+ set|delete from \w)/;
  const wrong = files.filter((file) => {
    if (/(^|-|\/)queries\.ts$/.test(file) || ['engine', 'db'].includes(layerOf(file))) return false;
    const literals = readFileSync(join(root, file), 'utf8').match(/`[^`]*`|'[^'\n]*'/g) ?? [];
    return literals.some((literal) => sql.test(literal));
  });
  expect(wrong).toEqual([]);
});

test('packages have one place each', () => {
  const places: Record<string, RegExp> = {
    pg: /^db\//,
    'pg-copy-streams': /^db\//,
    hono: /^(http\/|client\.ts)/,
    react: /^dashboard\//,
    commander: /^cli\//,
    yaml: /^cli\//,
    '@modelcontextprotocol/server': /^mcp\//,
    pino: /^log\.ts/,
    ai: /^llm\//,
    '@opentelemetry/api': /^lib\/tracing\.ts/,
    undici: /^(llm|webhooks)\//,
    croner: /^schedules\//,
  };
  const wrong = imports.filter(({ from, target, typeOnly }) => {
    const name = target.startsWith('@')
      ? target.split('/').slice(0, 2).join('/')
      : (target.split('/')[0] ?? '');
    const place = Object.hasOwn(places, name) ? places[name] : undefined;
    return place !== undefined && !typeOnly && !place.test(from);
  });
  expect(wrong.map(({ from, target }) => `${from} -> ${target}`)).toEqual([]);
});

test('the environment is read in config.ts, and only the CLI writes to the standard output', () => {
  const reads = files.filter((file) => /process\.env\b/.test(readFileSync(join(root, file), 'utf8')));
  expect(reads).toEqual(['config.ts']);
  const writes = files.filter((file) =>
    /console\.|process\.stdout\.write|process\.exit\b/.test(readFileSync(join(root, file), 'utf8')),
  );
  expect(writes.filter((file) => !file.startsWith('cli/'))).toEqual([]);
});

test('no file is longer than 400 lines, and the median is about 80', () => {
  const lengths = files.map((file) => ({
    file,
    lines: readFileSync(join(root, file), 'utf8').split('\n').length,
  }));
  expect(lengths.filter(({ lines }) => lines > 400)).toEqual([]);
  const sorted = lengths.map(({ lines }) => lines).sort((a, b) => a - b);
  expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThan(110);
});
