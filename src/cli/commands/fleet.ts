import type { Command } from 'commander';
import { AppError } from '../../errors.ts';
import type { FleetFile } from '../fleet-file.ts';
import { type Connection, connect } from '../connect.ts';
import { oneLine, printJson, printLine } from '../print.ts';

type Options = { file: string; prune?: boolean };

/** apply, diff, export: the installation as a file. */
export function addFleet(program: Command): void {
  const withFile = (command: Command) =>
    command
      .requiredOption('-f, --file <path>', 'a YAML file, or - for the standard input')
      .option('--prune', 'remove schedules and webhooks that the file does not name');

  withFile(program.command('apply'))
    .description('make the installation what a file says, all of it or nothing')
    .addHelpText('after', '\nExample:\n  opsloop apply -f fleet.yaml')
    .action(async (options: Options) => {
      const connection = await connect(program);
      const applied = await send(connection, options, false);
      connection.show(applied, ({ changes, keys, signing_secrets }) => {
        print(changes);
        for (const { name, key } of keys) printLine(`key ${oneLine(name)}: ${key} (not shown again)`);
        for (const { name, secret } of signing_secrets)
          printLine(`webhook ${name} signs with: ${secret} (not shown again)`);
        printLine(
          changes.length === 0 ? 'Nothing to change.' : `${changes.length} changed, in one transaction.`,
        );
      });
    });

  withFile(program.command('diff'))
    .description('show what apply would change; exits with 1 when that is something')
    .addHelpText('after', '\nExample:\n  opsloop diff -f fleet.yaml --prune')
    .action(async (options: Options) => {
      const connection = await connect(program);
      const { changes } = await send(connection, options, true);
      connection.show({ changes }, () => {
        print(changes);
        if (changes.length === 0) printLine('Nothing to change.');
      });
      if (changes.length > 0) process.exitCode = 1;
    });

  program
    .command('export')
    .description('write agents, policy, schedules and webhooks as a file for apply; keys are never in it')
    .addHelpText('after', '\nExample:\n  opsloop export > fleet.yaml')
    .action(async () => {
      const { client, json } = await connect(program);
      const { fleet } = await client.read(client.api.api.ops.fleet.$get({}));
      if (json) printJson(fleet);
      else process.stdout.write((await import('../fleet-file.ts')).writeFleet(fleet));
    });
}

async function send({ client }: Connection, { file, prune = false }: Options, dryRun: boolean) {
  const { readFleetFile } = await import('../fleet-file.ts');
  const read = await readFleetFile(file);
  const json = { fleet: read.fleet, dry_run: dryRun, prune };
  return client.read(client.api.api.ops.fleet.$post({ json })).catch((error: unknown) => {
    throw withPlace(error, read);
  });
}

/** What the server refuses is in the file, too. */
function withPlace(error: unknown, { placeOf }: FleetFile): unknown {
  const path = error instanceof AppError ? error.details['path'] : undefined;
  if (!(error instanceof AppError) || !Array.isArray(path)) return error;
  return new AppError(error.code, `${placeOf(path as string[])}: ${error.message}`, {
    details: error.details,
  });
}

const MARKS = { created: '+', changed: '~', removed: '-' };

type Change = {
  section: string;
  name: string;
  action: keyof typeof MARKS;
  members: { name: string; from?: unknown; to?: unknown }[];
};

function print(changes: Change[]): void {
  for (const { section, name, action, members } of changes) {
    printLine(`${MARKS[action]} ${section} ${oneLine(name)}`);
    for (const member of members) {
      const to = JSON.stringify(member.to ?? null);
      const change = action === 'created' ? to : `${JSON.stringify(member.from ?? null)} -> ${to}`;
      printLine(`    ${member.name === '' ? '' : `${member.name}: `}${oneLine(change)}`);
    }
  }
}
