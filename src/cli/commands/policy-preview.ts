import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { parseJson, requireName } from '../input.ts';
import { printFields, printLine, printTable } from '../print.ts';

/** policy preview: what another value would do, before it is set. */
export function addPolicyPreview(policy: Command, program: Command): void {
  policy
    .command('preview')
    .description("say what the last 7 days' proposals would become under another value; sets nothing")
    .argument('<key>')
    .argument('<value>', 'JSON')
    .addHelpText('after', `\nExample:\n  opsloop policy preview tweet_quota '{"max_per_day": 3}'`)
    .action(async (key: string, value: string) => {
      const { client, show } = await connect(program);
      const param = { key: requireName(key) };
      const json = { value: parseJson(value) };
      show(await client.read(client.api.api.ops.policy[':key'].preview.$post({ param, json })), (preview) => {
        if (!preview.applies) return printLine(`No proposal is decided by ${key}. ${preview.acts_on}`);
        const { proposals, from, truncated, before, after, changes, steps } = preview;
        printFields({
          proposals: `${proposals} since ${from}${truncated ? '; older ones are left out' : ''}`,
          'approved at once': move(before.auto_approved, after.auto_approved),
          pending: move(before.pending, after.pending),
          refused: move(before.refused, after.refused),
          ...Object.fromEntries(
            [...new Set([...Object.keys(steps.before), ...Object.keys(steps.after)])].map((kind) => [
              `steps "${kind}"`,
              move(steps.before[kind] ?? 0, steps.after[kind] ?? 0),
            ]),
          ),
        });
        printLine();
        printTable(
          changes,
          [
            { title: 'count', value: (row) => String(row.count) },
            { title: 'from', value: (row) => row.from },
            { title: 'to', value: (row) => row.to },
            { title: 'gate', value: (row) => row.gate ?? '' },
            { title: 'such as', value: (row) => row.examples.map(({ title }) => title).join('; ') },
          ],
          'No proposal would fare otherwise.',
        );
      });
    });
}

function move(before: number, after: number): string {
  return before === after ? String(before) : `${before} -> ${after}`;
}
