import { mkdtempSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll } from 'vitest';
import { silentLog } from '../../src/log.ts';
import type { Policy, PolicyKey } from '../../src/policy/schema.ts';
import { setPolicy } from '../../src/policy/policy.ts';
import type { BridgeParts } from '../../src/workspace/bridge-parts.ts';
import { foldersOf } from '../../src/workspace/disk/folders.ts';
import { type TestApp, type TestAppOptions, useApp } from './app.ts';
import { eventually, openPolicy } from './loop.ts';

export type TestFiles = TestApp & {
  workspace: string;
  path(folder: string, name?: string): string;
  /** Puts a task into the inbox as a careful writer does: written elsewhere, renamed into place. */
  drop(name: string, text: string): Promise<void>;
  list(folder: string): Promise<string[]>;
  /** Waits for a file whose name begins so, and gives its name. */
  appears(folder: string, beginning: string, deadlineMs?: number): Promise<string>;
  read(folder: string, name: string): Promise<string>;
  /** What a part of the bridge is given, as the app's own bridge is. */
  bridgeParts(): Promise<BridgeParts>;
  policy<Key extends PolicyKey>(key: Key, value: Policy[Key]): Promise<void>;
  /** Kinds and payloads of the events of files, oldest first. */
  events(kind?: string): Promise<{ kind: string; payload: Record<string, unknown> }[]>;
};

/** An app with a workspace of its own, a worker and the bridge; no language model unless the environment names one. */
export function useFiles(
  options: TestAppOptions & { before?: (workspace: string) => Promise<void> } = {},
): TestFiles {
  const workspace = join(mkdtempSync(join(tmpdir(), 'opsloop-files-')), 'workspace');
  // Before the app begins, for a folder that was there before it.
  beforeAll(() => options.before?.(workspace));
  const t = useApp({
    ...options,
    parts: { files: true, worker: true, ...options.parts },
    env: { OPSLOOP_WORKSPACE: workspace, OPSLOOP_LLM: 'extractive', ...options.env },
  }) as TestFiles;
  const path = (folder: string, name = '') => join(workspace, folder, name);
  t.workspace = workspace;
  t.path = path;
  t.drop = async (name, text) => {
    await mkdir(path('inbox'), { recursive: true });
    const hidden = path('inbox', `.${Math.random()}`);
    await writeFile(hidden, text);
    await rename(hidden, path('inbox', name));
  };
  t.list = async (folder) => (await readdir(path(folder))).filter((name) => !name.startsWith('.')).sort();
  t.appears = (folder, beginning, deadlineMs) =>
    eventually(async () => (await t.list(folder)).find((name) => name.startsWith(beginning)), deadlineMs);
  t.read = (folder, name) => readFile(path(folder, name), 'utf8');
  t.policy = (key, value) => setPolicy(t.database, key, value, 'test').then(() => undefined);
  t.bridgeParts = async () => {
    const [row] = await t.database.query<{ id: string; owner: string }>(
      'select id, owner from ops_workspaces',
    );
    return {
      database: t.app.database,
      propose: t.app.propose,
      folders: foldersOf(workspace),
      ownership: { workspaceId: row?.id ?? '', owner: row?.owner ?? '' },
      log: silentLog(),
    };
  };
  t.events = (kind) =>
    t.database.query(
      `select kind, payload from ops_events
       where (kind like 'file.%' or kind like 'workspace.%') and ($1::text is null or kind = $1) order by id`,
      [kind ?? null],
    );
  beforeAll(async () => {
    await openPolicy(t.database, ['analysis', 'task', 'goal']);
    await eventually(async () => t.app.bridge()?.isOwner());
  });
  return t;
}
