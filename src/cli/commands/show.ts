import type { Command } from 'commander';
import { type Connection, connect } from '../connect.ts';
import { requireId } from '../input.ts';
import { lookUp } from '../look-up.ts';
import { ago, bold, printFields, printLine, visible } from '../print.ts';

type Step = {
  id: string;
  kind: string;
  status: string;
  position: number;
  attempt: number;
  output?: unknown;
  failure: { class: string; message: string } | null;
};

export function addShow(program: Command): void {
  program
    .command('show')
    .description('show a proposal, mission or step with what came of it')
    .argument('<id>', 'its id')
    .addHelpText('after', '\nExample:\n  opsloop show 019a2b3c-…')
    .action(async (given: string) => {
      const connection = await connect(program);
      const { client } = connection;
      const id = requireId(given);
      const { ops } = client.api.api;
      await lookUp(given, [
        async () => showProposal(connection, await client.read(ops.proposals[':id'].$get({ param: { id } }))),
        async () => showMission(connection, await client.read(ops.missions[':id'].$get({ param: { id } }))),
        async () =>
          connection.show(await client.read(ops.steps[':id'].$get({ param: { id } })), ({ step }) =>
            printStep(step),
          ),
      ]);
    });
}

type ProposalAnswer = {
  proposal: {
    id: string;
    title: string;
    body: string | null;
    status: string;
    outcome: string | null;
    agent_id: string;
    kind: string;
    created_at: string | null;
    decision: { by: string; reason: string } | null;
    original: { title: string } | null;
  };
  mission: MissionAnswer | null;
};
type MissionAnswer = {
  mission: {
    id: string;
    title: string;
    status: string;
    retry_of: string | null;
    failure: { message: string } | null;
  };
  steps: Step[];
};

export function showProposal({ show }: Connection, answer: ProposalAnswer): void {
  show(answer, ({ proposal, mission }) => {
    printFields({
      proposal: proposal.id,
      title: proposal.title,
      'was proposed as': proposal.original?.title,
      agent: proposal.agent_id,
      kind: proposal.kind,
      made: ago(proposal.created_at),
      status: proposal.outcome ? `${proposal.status}, ${proposal.outcome}` : proposal.status,
      'decided by': proposal.decision
        ? `${proposal.decision.by}: ${proposal.decision.reason || 'no reason given'}`
        : null,
    });
    if (mission) printMission(mission);
  });
}

function showMission({ show }: Connection, answer: MissionAnswer): void {
  show(answer, printMission);
}

function printMission({ mission, steps }: MissionAnswer): void {
  printLine();
  printFields({
    mission: mission.id,
    title: mission.title,
    status: mission.status,
    continues: mission.retry_of,
    because: mission.failure?.message,
  });
  for (const step of steps) printStep(step);
}

function printStep(step: Step): void {
  printLine();
  printLine(
    bold(
      `step ${step.position}: ${step.kind}, ${step.status}${step.attempt > 1 ? `, attempt ${step.attempt}` : ''}`,
    ),
  );
  printFields({
    step: step.id,
    failure: step.failure ? `${step.failure.class}: ${step.failure.message}` : null,
  });
  const output = outputText(step.output);
  if (output) printLine(`\n${visible(output)}`);
}

function outputText(output: unknown): string {
  if (output === null || output === undefined) return '';
  if (typeof output === 'object' && 'text' in output && typeof output.text === 'string') return output.text;
  return typeof output === 'string' ? output : JSON.stringify(output, null, 2);
}
