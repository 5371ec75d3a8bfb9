import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { AppError } from '../../../errors.ts';
import { connect } from '../../connect.ts';
import { printFields, printProblem, visible } from '../../print.ts';

/** submit, exec, approve: what a person says to the inbox. */
export function addSubmitting(program: Command, files: Command): void {
  files
    .command('submit')
    .description('put a task into the inbox')
    .argument('<text>', 'the task; @role: and STRICT: mean what they mean in a file')
    .option('--strict', 'ask for exactly what is asked')
    .option('--name <name>', 'the file it becomes')
    .addHelpText('after', '\nExample:\n  opsloop files submit "@qa: list the risks" --name risks')
    .action(async (text: string, { strict, name }: { strict?: boolean; name?: string }) => {
      await submit(program, strict ? `STRICT: ${text}` : text, name ?? `task_${timestamp()}`, 'wait');
    });

  files
    .command('exec')
    .description('ask for a command; it waits for an operator')
    .argument('<command>', 'run by the shell in the workspace')
    .option('--name <name>', 'the file it becomes')
    .addHelpText('after', '\nExample:\n  opsloop files exec "df -h" --name disk')
    .action(async (command: string, { name }: { name?: string }) => {
      await submit(program, `EXEC: ${command}`, name ?? `exec_${timestamp()}`, 'approve');
    });

  files
    .command('approve')
    .description('approve what waits under a stem')
    .argument('<stem>', 'the name of the file without .txt')
    .option('--yes', 'without showing it and asking first')
    .addHelpText('after', '\nExample:\n  opsloop files approve disk')
    .action(async (stem: string, { yes }: { yes?: boolean }) => {
      const { client, show } = await connect(program);
      const query = { stem, status: 'open' as const };
      const { files: open } = await client.read(client.api.api.ops.files.$get({ query }));
      const waiting = open.find((file) => file.proposal_status === 'pending');
      if (!waiting?.proposal_id)
        throw new AppError(
          'not_found',
          `Nothing waits for approval under "${stem}". \`opsloop files list --open\` shows what does.`,
        );
      const param = { id: waiting.proposal_id };
      const { proposal: asked } = await client.read(client.api.api.ops.proposals[':id'].$get({ param }));
      if (!yes) await confirm(asked.body ?? asked.title);
      const json = { reason: 'opsloop files approve' };
      const answer = await client.read(client.api.api.ops.proposals[':id'].approve.$post({ param, json }));
      show(answer, ({ proposal }) => printFields({ proposal: proposal.id, status: proposal.status }));
    });
}

/** Shows what is approved, for a stem can be another file's than one thinks. @throws AppError usage */
async function confirm(text: string): Promise<void> {
  printProblem(visible(text.trimEnd()));
  if (!process.stdin.isTTY)
    throw new AppError(
      'usage',
      'This is what would be approved; add --yes to approve it without being asked.',
    );
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await ask.question('Approve this? [y/N] ').finally(() => ask.close());
  if (!/^y(es)?$/i.test(answer.trim())) throw new AppError('usage', 'It was not approved.');
}

async function submit(program: Command, text: string, name: string, next: 'wait' | 'approve'): Promise<void> {
  const { client, show } = await connect(program);
  const answer = await client.read(client.api.api.submit.$post({ json: { name, text } }));
  show(answer, ({ file }) => {
    const stem = file.replace(/\.txt$/, '');
    printFields({ file: `inbox/${file}`, next: `opsloop files ${next} ${stem}` });
  });
}

function timestamp(): string {
  return new Date().toISOString().slice(0, 19).replace('T', '_').replaceAll(':', '-');
}
