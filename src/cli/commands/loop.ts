import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { printFields, printTable } from '../print.ts';

type Count = { count: number; more: boolean };

export function addLoop(program: Command): void {
  program
    .command('loop')
    .description('say how much of everything is where in the loop')
    .addHelpText('after', '\nExample:\n  opsloop loop --json')
    .action(async () => {
      const { client, show } = await connect(program);
      show(await client.read(client.api.api.ops.loop.$get({ query: {} })), (found) => {
        const { proposals, missions, outputs } = found;
        printFields({
          proposals: `${say(proposals.pending)} pending; today ${proposals.admitted_today} admitted, ${proposals.rejected_today} rejected`,
          missions: `${say(missions.active)} active`,
          outputs: `${outputs.published_today} written today, ${say(outputs.unwritten)} not written yet`,
        });
        printTable(
          found.steps,
          [
            { title: 'steps', value: (row) => row.kind },
            { title: 'running', value: (row) => say(row.running) },
            { title: 'ready', value: (row) => say(row.ready) },
            { title: 'delayed', value: (row) => say(row.delayed) },
            { title: 'waiting', value: (row) => say(row.waiting) },
          ],
          'No step is open.',
        );
      });
    });
}

function say({ count, more }: Count): string {
  return `${count}${more ? ' or more' : ''}`;
}
