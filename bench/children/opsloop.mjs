import { monitorEventLoopDelay } from 'node:perf_hooks';
import { offer } from '../lib/children.mjs';
import { nowMs } from '../lib/clock.mjs';
import { startApp } from '../participants/opsloop.mjs';
import { serveHttp } from '../../dist/index.js';

/** An opsloop process: a server, workers, or both. */
const RESOLUTION_MS = 5;
const loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
let app;
let server;
let cpuAtReset;
const starts = new Map();
const awaited = new Map();

/** By the title of the proposal and the position of the step. */
function onStart(title, { position }) {
  starts.set(`${title} ${position}`, nowMs());
  awaited.get(`${title} ${position}`)?.();
}

offer({
  async start({ url, http, options }) {
    app = await startApp(url, { ...options, onStart, migrate: false });
    if (http) server = await serveHttp(app, { host: '127.0.0.1', port: 0 });
    return server?.url;
  },
  /** When the steps 1 to `last` of the proposal with this title were started; waits for the last one. */
  async startsOf({ title, last }) {
    const key = `${title} ${last}`;
    if (!starts.has(key)) await new Promise((resolve) => awaited.set(key, resolve));
    awaited.delete(key);
    return Array.from({ length: last }, (_, i) => starts.get(`${title} ${i + 1}`));
  },
  /** From here on `usage` counts. Watching the event loop costs CPU itself, so only who asks for it gets it. */
  resetUsage({ watchLoop = false } = {}) {
    globalThis.gc?.();
    cpuAtReset = process.cpuUsage();
    loop.reset();
    if (watchLoop) loop.enable();
  },
  usage() {
    const { user, system } = process.cpuUsage(cpuAtReset);
    // What the timer waits by itself is no delay.
    const delay = (share) => Math.max(0, loop.percentile(share) / 1e6 - RESOLUTION_MS);
    return {
      cpuSeconds: (user + system) / 1e6,
      rssMb: process.memoryUsage.rss() / 1e6,
      loopP99: delay(99),
      loopMax: delay(100),
    };
  },
  /** What runs may end within `graceMs`. */
  async end(graceMs) {
    await server?.close();
    await app?.stop(graceMs);
  },
  async stop() {
    await server?.close();
    await app?.stop(0);
  },
});
