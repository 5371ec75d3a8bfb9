import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { requireId } from '../input.ts';
import { ago, printFields, printTable } from '../print.ts';

export function addMissions(program: Command): void {
  program
    .command('missions')
    .description('list missions, the newest first')
    .option('--status <status>', 'active, completed or failed')
    .option('--agent <id>', 'of one agent')
    .option('--search <text>', 'with this in the title, in whatever case; or with this id')
    .option('--limit <number>', 'how many', '20')
    .option('--cursor <cursor>', 'where the page begins: `next` of the page before')
    .addHelpText('after', '\nExample:\n  opsloop missions --status failed')
    .action(
      async (options: {
        status?: 'active' | 'completed' | 'failed';
        agent?: string;
        search?: string;
        limit: string;
        cursor?: string;
      }) => {
        const { client, show } = await connect(program);
        const { agent, search, ...given } = options;
        const query = {
          ...given,
          ...(agent ? { agent_id: agent } : {}),
          ...(search ? { q: search } : {}),
        };
        const answer = await client.read(client.api.api.ops.missions.$get({ query }));
        show(answer, ({ missions, next }) => {
          printTable(
            missions,
            [
              { title: 'mission', value: (row) => row.id },
              { title: 'status', value: (row) => row.status },
              { title: 'agent', value: (row) => row.agent_id ?? '' },
              { title: 'made', value: (row) => ago(row.created_at) },
              { title: 'title', value: (row) => row.title },
            ],
            'There are none. A proposal that is approved becomes a mission.',
          );
          if (next) printFields({ 'next page': `--cursor ${next}` });
        });
      },
    );

  program
    .command('cancel')
    .description('end an active mission; its running step is aborted')
    .argument('<mission>', 'its id')
    .option('--reason <text>', 'why')
    .addHelpText('after', '\nExample:\n  opsloop cancel 019a2b3c-… --reason "not needed any more"')
    .action(async (id: string, { reason }: { reason?: string }) => {
      const { client, show } = await connect(program);
      const json = reason === undefined ? {} : { reason };
      const answer = await client.read(
        client.api.api.ops.missions[':id'].cancel.$post({ param: { id: requireId(id) }, json }),
      );
      show(answer, ({ mission }) => {
        printFields({ mission: mission.id, status: mission.status, because: mission.failure?.message });
      });
    });

  program
    .command('retry')
    .description('continue a failed mission with a new one: the steps that were not completed')
    .argument('<mission>', 'its id')
    .addHelpText('after', '\nExample:\n  opsloop retry 019a2b3c-…')
    .action(async (id: string) => {
      const { client, show } = await connect(program);
      const answer = await client.read(
        client.api.api.ops.missions[':id'].retry.$post({ param: { id: requireId(id) }, json: {} }),
      );
      show(answer, ({ mission, steps }) => {
        printFields({
          mission: mission.id,
          continues: mission.retry_of,
          steps: steps.map((step) => step.kind).join(', '),
        });
      });
    });
}
