import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { ago, printTable } from '../print.ts';

export function addBeats(program: Command): void {
  program
    .command('beats')
    .description('list the last beats of the heartbeat')
    .option('--limit <number>', 'how many', '10')
    .addHelpText('after', '\nExample:\n  opsloop beats --limit 3 --json')
    .action(async ({ limit }: { limit: string }) => {
      const { client, show } = await connect(program);
      show(await client.read(client.api.api.ops.beats.$get({ query: { limit } })), ({ beats }) => {
        printTable(
          beats,
          [
            { title: 'began', value: (row) => ago(row.started_at) },
            { title: 'took', value: (row) => tookOf(row) },
            { title: 'asked by', value: (row) => row.asked_by },
            {
              title: 'failed',
              value: (row) =>
                row.actions
                  .filter(({ status }) => status === 'error')
                  .map(({ action }) => action)
                  .join(', ') || 'nothing',
            },
          ],
          'There was no beat yet.',
        );
      });
    });
}

function tookOf({ started_at, finished_at }: { started_at: string; finished_at: string | null }): string {
  return finished_at === null ? 'runs' : `${Date.parse(finished_at) - Date.parse(started_at)} ms`;
}
