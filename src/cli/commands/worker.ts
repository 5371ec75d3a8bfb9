import type { Command } from 'commander';
import { createApp } from '../../app.ts';
import { readConfig } from '../../config.ts';
import { makeLog } from '../../log.ts';
import { attachDatabase } from '../database.ts';
import { aborted, makeShutdown } from '../shutdown.ts';

export function addWorker(program: Command): void {
  program
    .command('worker')
    .description('run one more worker, on this machine or another, on the database of a running opsloop')
    .addHelpText('after', '\nExample:\n  DATABASE_URL=postgres://ops:secret@db.example/ops opsloop worker')
    .action(runWorker);
}

async function runWorker(): Promise<void> {
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
      parts: { heartbeat: false, outputs: false },
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
