import type { Command } from 'commander';
import { AppError } from '../../errors.ts';
import { sleep } from '../../lib/wake.ts';
import { type Connection, connect } from '../connect.ts';
import { parseInteger } from '../input.ts';
import { printProblem } from '../print.ts';
import { addProposalOptions, proposalRequest, type ProposeOptions } from './propose.ts';
import { showProposal } from './show.ts';

const LOOK_EVERY_MS = 300;

export function addRun(program: Command): void {
  addProposalOptions(
    program.command('run').description('propose, wait until it has ended, and show the output'),
  )
    .option('--timeout <seconds>', 'give up waiting after this time; the work goes on', '1800')
    .addHelpText(
      'after',
      '\nExits with 0 when it succeeded, 1 when it failed, 4 when it was refused, 9 after the timeout.\n\nExample:\n  opsloop run "Summarise this" --body-file notes.md',
    )
    .action(async (title: string, options: ProposeOptions & { timeout: string }) => {
      const connection = await connect(program);
      const { client } = connection;
      const made = await client.read(
        client.api.api.ops.proposals.$post(await proposalRequest(title, options)),
      );
      const seconds = parseInteger('--timeout', options.timeout) ?? 1800;
      const ended = await waitFor(connection, made.proposal.id, seconds);
      showProposal(connection, ended);
      if (ended.proposal.status === 'rejected') process.exitCode = 4;
      else if (ended.proposal.outcome !== 'succeeded') process.exitCode = 1;
    });
}

async function waitFor({ client, json }: Connection, id: string, seconds: number) {
  const until = performance.now() + seconds * 1000;
  let told = false;
  for (;;) {
    const found = await client.read(client.api.api.ops.proposals[':id'].$get({ param: { id } }));
    const { status } = found.proposal;
    if (status === 'rejected' || status === 'completed') return found;
    if (status === 'pending' && !told && !json)
      printProblem(`It waits for an operator: opsloop approve ${id}`);
    told ||= status === 'pending';
    if (performance.now() > until) {
      throw new AppError(
        'timed_out',
        `It is still ${status} after ${seconds} s; the work goes on. Ask \`opsloop why ${id}\`.`,
      );
    }
    await sleep(LOOK_EVERY_MS);
  }
}
