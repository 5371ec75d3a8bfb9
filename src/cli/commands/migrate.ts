import type { Command } from 'commander';

export function addMigrate(program: Command): void {
  program
    .command('migrate')
    .description("bring the database to this program's schema; `up` does it by itself")
    .option('--status', 'only show what is applied')
    .addHelpText(
      'after',
      '\nExample:\n  DATABASE_URL=postgres://ops:secret@db.example/ops opsloop migrate --status',
    )
    .action(async ({ status }: { status?: boolean }) => {
      const { runMigrate } = await import('../migrate.ts');
      await runMigrate(status ?? false, program.opts<{ json?: boolean }>().json ?? false);
    });
}
