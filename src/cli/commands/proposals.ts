import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { ago, printFields, printTable } from '../print.ts';

type Options = {
  status?: 'pending' | 'approved' | 'rejected' | 'completed';
  agent?: string;
  kind?: string;
  search?: string;
  oldest?: boolean;
  limit: string;
  cursor?: string;
};

export function addProposals(program: Command): void {
  program
    .command('proposals')
    .description('list proposals, the newest first')
    .option('--status <status>', 'pending, approved, rejected or completed')
    .option('--agent <id>', 'of one agent')
    .option('--kind <kind>', 'of one kind')
    .option('--search <text>', 'with this in the title, in whatever case; or with this id')
    .option('--oldest', 'with --status pending: the oldest first')
    .option('--limit <number>', 'how many', '20')
    .option('--cursor <cursor>', 'where the page begins: `next` of the page before')
    .addHelpText('after', '\nExample:\n  opsloop proposals --status pending')
    .action(async (options: Options) => {
      const { client, show } = await connect(program);
      const { agent, search, oldest, ...given } = options;
      const query = {
        ...given,
        ...(agent ? { agent_id: agent } : {}),
        ...(search ? { q: search } : {}),
        ...(oldest ? { oldest: 'true' as const } : {}),
      };
      const answer = await client.read(client.api.api.ops.proposals.$get({ query }));
      show(answer, ({ proposals, next }) => {
        printTable(
          proposals,
          [
            { title: 'proposal', value: (row) => row.id },
            { title: 'status', value: (row) => (row.outcome ? `${row.status}, ${row.outcome}` : row.status) },
            { title: 'agent', value: (row) => row.agent_id },
            { title: 'kind', value: (row) => row.kind },
            { title: 'made', value: (row) => ago(row.created_at) },
            { title: 'title', value: (row) => row.title },
          ],
          'There are none. Make one with `opsloop propose "…"`.',
        );
        if (next) printFields({ 'next page': `--cursor ${next}` });
      });
    });
}
