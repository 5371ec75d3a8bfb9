import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { findLibrary } from '../../chaos/stage/clock.ts';
import { eventually } from '../support/loop.ts';
import { pgBouncerVersion } from '../support/pgbouncer.ts';

/** Everywhere but where all of it is installed: what cannot run in CI fails there. */
const isSkipped =
  !process.env.CI && (process.platform !== 'linux' || findLibrary() === null || pgBouncerVersion() === null);

/** In a container that may mount nothing, no disk can be full. */
function mayMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'opsloop-mount-'));
  try {
    if (spawnSync('mount', ['-t', 'tmpfs', 'opsloop-test', folder]).status !== 0) return false;
    return spawnSync('umount', [folder]).status === 0;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function startChaos(...options: string[]) {
  const start = resolve(import.meta.dirname, '../../chaos/start.mjs');
  const child = spawn(process.execPath, [start, '--no-build', ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  return { child, said: () => said, ended: once(child, 'exit') };
}

// A violation is not made good by a second run that has none.
test.skipIf(isSkipped)(
  'in three minutes of chaos nothing is lost, nothing is done twice, and every fault has struck',
  { timeout: 600_000, retry: 0 },
  async () => {
    const run = startChaos(
      '--minutes',
      '3',
      ...(process.env.CI || mayMount() ? [] : ['--without', 'disk-full']),
    );
    const [code] = await run.ended;
    expect(code, run.said()).toBe(0);
  },
);

/** Of a run that lives in this folder. */
const processesOf = (folder: string) =>
  readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return false;
    try {
      return ['environ', 'cmdline'].some((file) =>
        readFileSync(`/proc/${name}/${file}`, 'utf8').includes(folder),
      );
    } catch {
      return false;
    }
  });

test.skipIf(isSkipped).each(['SIGINT', 'SIGKILL'] as const)(
  'a run that is ended by %s leaves no process, no mount and no folder',
  async (signal) => {
    const out = mkdtempSync(join(tmpdir(), 'opsloop-out-'));
    onTestFinished(() => rmSync(out, { recursive: true }));
    const run = startChaos('--minutes', '2', '--only', 'kill-server,model-server-error', '--out', out);
    const folder = await eventually(async () => /the stage is set in (\S+)/.exec(run.said())?.[1], 60_000);
    expect(processesOf(folder).length).toBeGreaterThan(8);
    run.child.kill(signal);
    await run.ended;
    await eventually(async () => processesOf(folder).length === 0 && !existsSync(folder), 30_000);
    expect(readFileSync('/proc/mounts', 'utf8')).not.toContain(folder);
  },
);
