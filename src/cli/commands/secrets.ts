import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { readConfig } from '../../config.ts';
import { AppError } from '../../errors.ts';
import { makeSecrets } from '../../webhooks/secrets.ts';
import { requireName } from '../input.ts';
import { printFields, printJson, printLine } from '../print.ts';

/** secrets: what webhooks need and no database, list or log may hold. They stay on this machine. */
export function addSecrets(program: Command): void {
  const isJson = () => program.opts<{ json?: boolean }>().json ?? false;
  const open = () => {
    const config = readConfig();
    return makeSecrets(config.home, config.secret);
  };
  const secrets = program
    .command('secrets')
    .description('keep secrets for webhooks in the home of this machine, by name')
    .addHelpText('after', '\nExample:\n  printf %s "$TOKEN" | opsloop secrets set telegram-bot');

  secrets
    .command('list', { isDefault: true })
    .description('list their names')
    .action(async () => {
      const names = await open().list();
      if (isJson()) printJson({ secrets: names });
      else for (const name of names.length > 0 ? names : ['There are none.']) printLine(name);
    });

  secrets
    .command('set')
    .description('keep what comes from the standard input under a name')
    .argument('<name>', 'its name')
    .action(async (name: string) => {
      if (process.stdin.isTTY) printLine('Write it, then Ctrl+D:');
      await open().set(requireName(name), await text(process.stdin));
      if (isJson()) printJson({ set: name });
      else printFields({ set: name });
    });

  secrets
    .command('remove')
    .description('forget one')
    .argument('<name>', 'its name')
    .action(async (name: string) => {
      if (!(await open().remove(requireName(name))))
        throw new AppError('not_found', `There is no secret "${name}" in the home.`);
      if (isJson()) printJson({ removed: name });
      else printFields({ removed: name });
    });
}
