import type { Command } from 'commander';

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('check this machine, the database, the models and the work, and explain what is wrong')
    .addHelpText('after', '\nExits with 1 when something is bad.\n\nExample:\n  opsloop doctor --json')
    .action(async () => {
      const { runDoctor } = await import('../doctor/doctor.ts');
      await runDoctor(program.opts<{ json?: boolean }>().json ?? false);
    });
}
