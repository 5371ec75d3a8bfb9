import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { insertArtefact } from '../../src/engine/artefacts.ts';
import type { Claim } from '../../src/engine/schema.ts';
import { silentLog } from '../../src/log.ts';
import { artefactName } from '../../src/worker/publish.ts';
import { foldersOf, makeFolders } from '../../src/workspace/disk/folders.ts';
import { type Failing, writePending } from '../../src/workspace/outputs.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, proposer, testWorker } from '../support/loop.ts';

const db = useDatabase();
let root = '';
let folder = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'opsloop-outputs-'));
  await makeFolders(foldersOf(root));
  folder = join(root, 'outputs');
});
afterAll(() => rm(root, { recursive: true }));

const failing = new Map() as Failing;
const write = () => writePending(db.database, randomUUID(), foldersOf(root), failing, silentLog());

async function artefact(name: string, content: string): Promise<Claim> {
  await openPolicy(db.database);
  await proposer(db.database)();
  const claim = await (await testWorker(db.database)).claimOne();
  await db.database.transaction((tx) => insertArtefact(tx, claim, { name, content }));
  return claim;
}

test('an artefact becomes a file once, with an event', async () => {
  await artefact('one.md', 'content ✓');
  expect(await write()).toBe(1);
  expect(await write()).toBe(0);
  expect(await readFile(join(folder, 'one.md'), 'utf8')).toBe('content ✓');
  const events = await db.database.query(
    "select from ops_events where kind = 'file.output_created' and entity_id = 'one.md'",
  );
  expect(events).toHaveLength(1);
});

test('a crash between the file and its note leaves one file and one event', async () => {
  await artefact('two.md', 'twice?');
  await writeFile(join(folder, 'two.md'), 'twice?');
  await write();
  expect((await readdir(folder)).filter((name) => name.includes('two'))).toEqual(['two.md']);
});

test('a file of somebody else with the same name is not overwritten, and does not hold up the others', async () => {
  await artefact('three.md', 'ours');
  await writeFile(join(folder, 'three.md'), 'theirs');
  await artefact('four.md', 'after it');
  await write();
  expect(await readFile(join(folder, 'three.md'), 'utf8')).toBe('theirs');
  expect(await readFile(join(folder, 'four.md'), 'utf8')).toBe('after it');
  expect([...failing.keys()]).toEqual(['three.md']);
});

test('names of artefacts are plain, whatever the title', () => {
  const at = new Date('2026-11-22T10:11:12Z');
  expect(artefactName('../../etc/passwd', at, 'x123456')).toBe('etc_passwd__2026-11-22_10-11-12_123456.md');
  expect(artefactName('¡Qué día! 日本', at, 'x123456')).toMatch(/^[A-Za-z0-9_-]+\.md$/);
  expect(artefactName('日本', at, 'x123456')).toBe('output__2026-11-22_10-11-12_123456.md');
});
