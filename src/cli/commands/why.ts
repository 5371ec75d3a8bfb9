import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { requireId } from '../input.ts';
import { lookUp } from '../look-up.ts';
import { printFields } from '../print.ts';

export function addWhy(program: Command): void {
  program
    .command('why')
    .description('say what moves a proposal, mission or step next, when, and by whom')
    .argument('<id>', 'its id')
    .addHelpText('after', '\nExample:\n  opsloop why 019a2b3c-…')
    .action(async (given: string) => {
      const { client, show } = await connect(program);
      const id = requireId(given);
      const { ops } = client.api.api;
      const { why } = await lookUp(given, [
        () => client.read(ops.proposals[':id'].why.$get({ param: { id } })),
        () => client.read(ops.missions[':id'].why.$get({ param: { id } })),
        () => client.read(ops.steps[':id'].why.$get({ param: { id } })),
      ]);
      show(why, (found) => {
        printFields({
          [found.entity]: found.id,
          status: found.status,
          next: found.next,
          by: found.by,
          at: found.at,
        });
      });
    });
}
