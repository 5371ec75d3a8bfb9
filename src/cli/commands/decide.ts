import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { readBody, requireId } from '../input.ts';
import { printFields } from '../print.ts';

type ApproveOptions = { reason?: string; title?: string; body?: string; bodyFile?: string };

/** approve, reject: what an operator says to a pending proposal. */
export function addDecisions(program: Command): void {
  program
    .command('approve')
    .description('approve a pending proposal, as it is or edited')
    .argument('<proposal>', 'its id')
    .option('--reason <text>', 'why')
    .option('--title <text>', 'approve it with this title; the original is kept')
    .option('--body <text>', 'approve it with this body; "-" reads the standard input')
    .option('--body-file <path>', 'approve it with the body of a file')
    .addHelpText(
      'after',
      '\nExample:\n  opsloop approve 019a2b3c-… --reason "agreed" --title "A better title"',
    )
    .action(async (id: string, options: ApproveOptions) => {
      const { client, show } = await connect(program);
      const body = await readBody(options);
      const json = {
        ...(options.reason === undefined ? {} : { reason: options.reason }),
        ...(options.title === undefined ? {} : { title: options.title }),
        ...(body === undefined ? {} : { body }),
      };
      const answer = await client.read(
        client.api.api.ops.proposals[':id'].approve.$post({ param: { id: requireId(id) }, json }),
      );
      show(answer, ({ proposal, mission }) => {
        printFields({
          proposal: proposal.id,
          status: proposal.status,
          title: proposal.title,
          original: proposal.original?.title,
          mission: mission?.mission.id,
        });
      });
    });

  program
    .command('reject')
    .description('reject a pending proposal')
    .argument('<proposal>', 'its id')
    .option('--reason <text>', 'why')
    .addHelpText('after', '\nExample:\n  opsloop reject 019a2b3c-… --reason "too expensive"')
    .action(async (id: string, { reason }: { reason?: string }) => {
      const { client, show } = await connect(program);
      const json = reason === undefined ? {} : { reason };
      const answer = await client.read(
        client.api.api.ops.proposals[':id'].reject.$post({ param: { id: requireId(id) }, json }),
      );
      show(answer, ({ proposal }) => {
        printFields({ proposal: proposal.id, status: proposal.status, reason: proposal.decision?.reason });
      });
    });
}
