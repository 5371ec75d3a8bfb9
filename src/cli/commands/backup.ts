import type { Command } from 'commander';

export function addBackup(program: Command): void {
  const isJson = () => program.opts<{ json?: boolean }>().json ?? false;
  program
    .command('backup')
    .description('write the database, and what of the home goes with it, into one file')
    .argument('[file]', 'a new file; left out, one in the folder of backups, where the oldest make room')
    .option('--no-verify', 'do not restore it into a throwaway database to check it')
    .option('--with-secrets', 'also the keys and secrets of the home: guard the file like the home itself')
    .addHelpText(
      'after',
      '\nIt works beside a running server or without one, and shows one moment of the database.\n\nExample:\n  opsloop backup /mnt/other-disk/opsloop.backup',
    )
    .action(async (file: string | undefined, options: { verify: boolean; withSecrets?: boolean }) => {
      const { runBackup } = await import('../backup.ts');
      await runBackup(file, options, isJson());
    });

  program
    .command('restore')
    .description('fill an empty database from a backup, check it, and leave it paused')
    .argument('<file>', 'what `opsloop backup` wrote')
    .option('--accept-findings', 'keep the copy although the check found something')
    .option(
      '--with-secrets',
      'also write the settings, keys and secrets in it: only of a file that you trust',
    )
    .addHelpText(
      'after',
      '\nInto the own PostgreSQL of the home, which is made if there is none, or the database of DATABASE_URL. It never\noverwrites anything: where opsloop has data already, it refuses.\n\nExample:\n  OPSLOOP_HOME=/srv/opsloop opsloop restore /mnt/other-disk/opsloop.backup',
    )
    .action(async (file: string, options: { acceptFindings?: boolean; withSecrets?: boolean }) => {
      const { runRestore } = await import('../restore.ts');
      await runRestore(file, options, isJson());
    });
}
