import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { ago, bold, dim, oneLine, printLine } from '../print.ts';

export function addAttention(program: Command): void {
  program
    .command('attention')
    .description('say what waits for you, what does not move and what moves it next, and what runs')
    .addHelpText('after', '\nExample:\n  opsloop attention')
    .action(async () => {
      const { client, show } = await connect(program);
      show(await client.read(client.api.api.ops.attention.$get({ query: {} })), (found) => {
        const { problems, proposals, more_proposals: more, missions, more_missions } = found.needs_human;
        section('Needs you', [
          ...problems.map((problem) => [`! ${problem}`]),
          ...proposals.map((one) => [
            `${one.id}  ${one.kind} of ${one.agent_id}, ${ago(one.created_at)}: ${one.title}`,
          ]),
          ...(more ? [['and more: `opsloop proposals --status pending`']] : []),
          ...missions.map((one) => [
            `${one.id}  failed ${ago(one.completed_at)}: ${one.title}`,
            `${one.message} (\`opsloop retry ${one.id}\`)`,
          ]),
          ...(more_missions ? [['and more: `opsloop missions --status failed`']] : []),
        ]);
        section('Does not move', [
          ...found.stuck.map(({ count, more: atLeast, why, examples }) => [
            `${count}${atLeast ? ' or more' : ''}: ${why}`,
            ...examples.map((one) => `${one.id}  ${one.title}, ${ago(one.since)}`),
          ]),
          ...(found.more_groups ? [['and more, for other reasons']] : []),
        ]);
        section(
          'Runs',
          found.running.map((step) => [
            `${step.mission_id ?? step.id}  ${step.title}, ${ago(step.claimed_at)}, attempt ${step.attempt}`,
          ]),
        );
      });
    });
}

/** Each item is its line, and lines that say more of it. */
function section(title: string, items: string[][]): void {
  printLine(bold(`${title}: ${items.length === 0 ? 'nothing' : ''}`.trimEnd()));
  for (const [line = '', ...others] of items) {
    printLine(`  ${oneLine(line)}`);
    for (const other of others) printLine(dim(`    ${oneLine(other)}`));
  }
}
