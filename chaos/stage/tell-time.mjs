// Loaded into a program whose clocks are faked: says what its clocks show, which proves that they are.
import { renameSync, writeFileSync } from 'node:fs';

const file = process.env.OPSLOOP_CHAOS_TELLS;
setInterval(() => {
  writeFileSync(
    `${file}.new`,
    JSON.stringify({ pid: process.pid, wall: Date.now(), mono: performance.now() }),
  );
  renameSync(`${file}.new`, file);
}, 200).unref();
