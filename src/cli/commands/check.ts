import type { Command } from 'commander';

export function addCheck(program: Command): void {
  program
    .command('check')
    .description('decide whether the history holds: the log, the tables, and every rule between them')
    .option(
      '--trust <file>',
      'a public key of another home (from `opsloop events key`); can be repeated',
      (file: string, files: string[]) => [...files, file],
      [],
    )
    .option(
      '--since-last',
      'replay only proposals that something happened to since a check of this home that held',
    )
    .addHelpText(
      'after',
      '\nReads the database directly, beside a running server or without one. Verifies the log as `opsloop events verify`\ndoes, replays it, compares it with the tables row by row, and puts each proposal with its missions and steps\nbefore the rules. Exits with 1 when something does not hold, and names the thing and its events.\n\nExample:\n  opsloop check --json',
    )
    .action(async (options: { trust: string[]; sinceLast?: boolean }) => {
      const { runCheck } = await import('../check.ts');
      await runCheck(options, program.opts<{ json?: boolean }>().json ?? false);
    });
}
