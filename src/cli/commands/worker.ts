import type { Command } from 'commander';

export function addWorker(program: Command): void {
  program
    .command('worker')
    .description('run one more worker, on this machine or another, on the database of a running opsloop')
    .addHelpText('after', '\nExample:\n  DATABASE_URL=postgres://ops:secret@db.example/ops opsloop worker')
    .action(async () => {
      const { runWorker } = await import('../worker.ts');
      await runWorker();
    });
}
