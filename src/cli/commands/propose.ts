import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { parseInteger, readBody } from '../input.ts';
import { printFields, printLine } from '../print.ts';

export type ProposeOptions = {
  agent: string;
  kind: string;
  body?: string;
  bodyFile?: string;
  priority?: string;
  at?: string;
  idempotencyKey?: string;
};

/** The options that `propose` and `run` share. */
export function addProposalOptions(command: Command): Command {
  return command
    .argument('<title>', 'what is to be done, in one line')
    .option('--agent <id>', 'the agent that proposes', 'pm')
    .option('--kind <kind>', 'the kind of proposal', 'analysis')
    .option('--body <text>', 'details; "-" reads the standard input')
    .option('--body-file <path>', 'details from a file')
    .option('--priority <number>', 'higher is worked first (-100 to 100)')
    .option('--at <time>', 'begin then, not at once: "2026-11-23T08:00:00Z"')
    .option('--idempotency-key <text>', 'names this request, so that a repeat does nothing');
}

export function addPropose(program: Command): void {
  addProposalOptions(program.command('propose').description('propose something to be done'))
    .addHelpText(
      'after',
      '\nExample:\n  opsloop propose "What do the logs say?" --agent ops --body-file app.log',
    )
    .action(async (title: string, options: ProposeOptions) => {
      const { client, show } = await connect(program);
      const answer = await client.read(
        client.api.api.ops.proposals.$post(await proposalRequest(title, options)),
      );
      show(answer, ({ proposal, mission }) => {
        printFields({ proposal: proposal.id, status: proposal.status, reason: proposal.decision?.reason });
        if (mission)
          printFields({
            mission: mission.mission.id,
            steps: mission.steps.map((step) => step.kind).join(', '),
          });
        else printLine(`An operator decides: opsloop approve ${proposal.id}`);
      });
    });
}

export async function proposalRequest(title: string, options: ProposeOptions) {
  const body = await readBody(options);
  const priority = parseInteger('--priority', options.priority);
  return {
    json: {
      title,
      agent_id: options.agent,
      kind: options.kind,
      ...(body === undefined ? {} : { body }),
      ...(priority === undefined ? {} : { priority }),
      ...(options.at === undefined ? {} : { run_at: options.at }),
    },
    header: options.idempotencyKey === undefined ? {} : { 'idempotency-key': options.idempotencyKey },
  };
}
