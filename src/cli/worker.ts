import { createApp } from '../app.ts';
import { readConfig } from '../config.ts';
import { makeLog } from '../log.ts';
import { attachDatabase } from './database.ts';
import { aborted, makeShutdown } from './shutdown.ts';

/** Runs a worker in this process until it is told to stop. */
export async function runWorker(): Promise<void> {
  const config = readConfig();
  const log = makeLog({ level: config.logLevel, terminal: process.stderr.isTTY });
  const shutdown = makeShutdown(log);
  try {
    const data = await attachDatabase(config, log);
    shutdown.add('the database', data.stop);
    const app = createApp({
      config,
      databaseUrl: data.url,
      log,
      parts: { heartbeat: false, files: false, schedules: false, webhooks: false, http: false },
      migrate: false,
    });
    shutdown.add('the worker', (hurry) => app.stop(8_000, hurry));
    await Promise.race([app.ready, aborted(shutdown.requested)]);
    if (app.isReady())
      log.info({ part: 'worker', id: app.worker()?.id(), model: app.llm.status().serving }, 'working');
    await aborted(shutdown.requested);
  } finally {
    await shutdown.run();
  }
}
