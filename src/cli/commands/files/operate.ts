import type { Command } from 'commander';
import { connect } from '../../connect.ts';
import { ago, printFields, printLine, printTable, visible } from '../../print.ts';

/** status, list, resume: how the bridge is. */
export function addOperating(program: Command, files: Command): void {
  files
    .command('status')
    .description('show the workspace: mode, what waits, what is refused')
    .addHelpText('after', '\nExample:\n  opsloop files status')
    .action(async () => {
      const { client, show } = await connect(program);
      show(await client.read(client.api.api.ops.files.status.$get()), (found) => {
        printFields({
          workspace: found.workspace,
          mode: found.mode ?? found.held_by ?? 'not known yet',
          'file events': found.file_events ? 'yes' : 'no, it is scanned every second',
        });
        for (const { count, scope, gate, limit, resets_at: until } of found.waiting)
          printLine(`! ${count} wait: ${gate} of ${limit} for ${scope} is reached until ${until}`);
        for (const { name, problem } of found.refused) printLine(`! ${visible(name)} is refused: ${problem}`);
        if (found.halted) printLine(`! halted since ${found.halted.at}: ${found.halted.reason}`);
        for (const problem of found.problems) printLine(`! ${problem}`);
      });
    });

  files
    .command('list')
    .description('list task files with what became of them, the newest first')
    .option('--open', 'only those that have not ended')
    .option('--limit <number>', 'how many', '20')
    .addHelpText('after', '\nExample:\n  opsloop files list --open')
    .action(async ({ open, limit }: { open?: boolean; limit: string }) => {
      const { client, show } = await connect(program);
      const query = { limit, ...(open ? { status: 'open' as const } : {}) };
      show(await client.read(client.api.api.ops.files.$get({ query })), (found) =>
        printTable(
          found.files,
          [
            { title: 'made', value: (row) => ago(row.created_at) },
            {
              title: 'state',
              value: (row) => row.result ?? (row.proposal_status === 'pending' ? 'pending' : row.status),
            },
            { title: 'agent', value: (row) => row.agent_id },
            { title: 'proposal', value: (row) => row.proposal_id ?? '' },
            { title: 'output', value: (row) => row.output ?? row.note ?? '' },
            { title: 'file', value: (row) => row.name },
          ],
          'There are none. Drop one into the inbox, or use `opsloop files submit`.',
        ),
      );
    });

  files
    .command('resume')
    .description('take files again after signs of another executor')
    .addHelpText('after', '\nExample:\n  opsloop files resume')
    .action(async () => {
      const { client, show } = await connect(program);
      show(await client.read(client.api.api.ops.files.resume.$post({ json: {} })), ({ resumed }) =>
        printLine(resumed ? 'Files are taken again.' : 'It was not halted.'),
      );
    });
}
