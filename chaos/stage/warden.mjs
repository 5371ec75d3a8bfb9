// Cleans up behind a run, also behind one that was killed: it waits until its standard input ends, then kills every
// process that has the run's mark in its environment, and takes away the mounts and the folder that it was told of.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

const [, , mark, folder] = process.argv;
const mounts = [];
let rest = '';
for await (const chunk of process.stdin) {
  const lines = (rest + chunk).split('\n');
  rest = lines.pop() ?? '';
  mounts.push(...lines);
}

const marked = () =>
  readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return false;
    try {
      return readFileSync(`/proc/${name}/environ`, 'utf8').includes(`OPSLOOP_CHAOS_RUN=${mark}`);
    } catch {
      return false;
    }
  });

for (let tries = 0; tries < 50; tries++) {
  const left = marked();
  if (left.length === 0) break;
  for (const pid of left) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
  await pause(100);
}
for (const mount of mounts.toReversed()) {
  for (let tries = 0; tries < 50; tries++) {
    try {
      execFileSync('umount', [mount], { stdio: 'ignore' });
      break;
    } catch {
      // PostgreSQL's children end a moment after their parent.
      await pause(100);
    }
  }
}
rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
