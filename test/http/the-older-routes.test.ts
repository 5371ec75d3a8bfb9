import { mkdir, writeFile } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
import { makeClient } from '../../src/client.ts';
import { OPERATOR_KEY, problemOf } from '../support/app.ts';
import { useFiles } from '../support/files.ts';

const t = useFiles({ env: { OPSLOOP_FILES: 'observe' }, parts: { worker: false } });

beforeAll(async () => {
  for (const name of ['a.txt', 'b.txt.done', 'c.txt.failed', 'ignored.md'])
    await writeFile(t.path('inbox', name), name);
  for (const name of ['pm_x__2026-11-22_10-00-00.md', 'y__2026-11-22_10-00-00.md', 'ignored.json'])
    await writeFile(t.path('outputs', name), `about ${name}`);
  await mkdir(t.path('outputs', 'folder.md'));
});

test('GET /api/inbox and /api/outputs list plain files with size and whole seconds', async () => {
  const inbox = (await (await t.request('/api/inbox')).json()) as {
    files: { name: string; size: number; mtime: number }[];
  };
  expect(inbox.files.map((file) => file.name).sort()).toEqual(['a.txt', 'b.txt.done', 'c.txt.failed']);
  expect(inbox.files[0]).toEqual({
    name: expect.any(String),
    size: expect.any(Number),
    mtime: expect.any(Number),
  });
  expect(Number.isInteger(inbox.files[0]?.mtime)).toBe(true);
  const outputs = (await (await t.request('/api/outputs')).json()) as typeof inbox;
  expect(outputs.files.map((file) => file.name).sort()).toEqual([
    'pm_x__2026-11-22_10-00-00.md',
    'y__2026-11-22_10-00-00.md',
  ]);
});

test('GET /api/out/{name} has name and content, 404 and 403 have the older error', async () => {
  const found = await t.request('/api/out/y__2026-11-22_10-00-00.md');
  expect(await found.json()).toEqual({
    name: 'y__2026-11-22_10-00-00.md',
    content: 'about y__2026-11-22_10-00-00.md',
  });
  expect(found.headers.get('content-disposition')).toContain('attachment');
  expect(found.headers.get('x-content-type-options')).toBe('nosniff');
  const missing = await t.request('/api/out/nothing.md');
  expect([missing.status, (await problemOf(missing)).error]).toEqual([404, 'not found']);
  const outside = await t.request('/api/out/..%2Fstate%2Fopsloop.json');
  expect([outside.status, (await problemOf(outside)).error]).toEqual([403, 'Invalid path']);
});

test.each(['/api/submit', '/api/inbox'])('POST %s takes the older names of its members', async (path) => {
  const first = await t.request(path, {
    method: 'POST',
    json: { filename: 'from script', content: 'do it' },
  });
  expect(first.status).toBe(200);
  const { ok, file } = (await first.json()) as { ok: boolean; file: string };
  expect([ok, file]).toEqual([true, expect.stringMatching(/^from_script(_2)?\.txt$/)]);
  expect(await t.read('inbox', file)).toBe('do it\n');
  const empty = await t.request(path, { method: 'POST', json: {} });
  const made = ((await empty.json()) as { file: string }).file;
  expect(await t.read('inbox', made)).toBe('@pm:\nOBJETIVO: (vacio)\nDONE:\n- [ ] ...\n');
});

test('GET /graph.json draws agent, roles and outputs, and needs a key', async () => {
  expect((await t.request('/graph.json', { key: null })).status).toBe(401);
  const graph = (await (await t.request('/graph.json')).json()) as {
    nodes: { id: string; kind: string; role?: string }[];
    edges: { from: string; to: string; kind: string }[];
    ts: number;
  };
  expect(graph.nodes.filter((node) => node.kind === 'role')).toHaveLength(6);
  expect(
    graph.nodes
      .filter((node) => node.kind === 'output')
      .map((node) => String(node.role))
      .sort(),
  ).toEqual(['misc', 'pm']);
  const ids = new Set(graph.nodes.map((node) => node.id));
  expect(graph.edges.every(({ from, to }) => ids.has(from) && ids.has(to))).toBe(true);
  expect([...ids].every((id) => /^[0-9a-f]{12}$/.test(id))).toBe(true);
});

test('no agent gets at the files', async () => {
  const key = await t.key({ scopes: ['read', 'propose'], agent_id: 'research' });
  for (const path of [
    '/api/inbox',
    '/api/outputs',
    '/api/out/x.md',
    '/graph.json',
    '/api/ops/files',
    '/api/ops/files/status',
  ])
    expect((await t.request(path, { key })).status, path).toBe(403);
  expect((await t.request('/api/submit', { method: 'POST', key, json: { text: 'x' } })).status).toBe(403);
});

test('the typed client knows the routes', async () => {
  const server = await t.serve();
  const client = makeClient({ url: server.url, apiKey: OPERATOR_KEY });
  const name = encodeURIComponent('y__2026-11-22_10-00-00.md');
  const { content } = await client.read(client.api.api.out[':name'].$get({ param: { name } }));
  expect(content).toContain('about y');
});
