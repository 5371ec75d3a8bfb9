import type { Command } from 'commander';
import type { UpOptions } from '../up.ts';

export function addUp(program: Command): void {
  program
    .command('up')
    .description('run everything on this machine: database, API, worker and heartbeat')
    .option('--host <address>', 'address to listen on (127.0.0.1)')
    .option('--port <number>', 'port to listen on (8787)')
    .option('--allow-remote', 'allow an address that other machines can reach')
    .option('--no-sample', 'do not propose the sample on a fresh installation')
    .addHelpText('after', '\nExample:\n  opsloop up --port 8800 --no-sample')
    .action(async (options: UpOptions) => {
      // Loaded when it is wanted, so that the small commands start fast.
      const { up } = await import('../up.ts');
      await up(options);
    });
}
