import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { parseJson, requireName } from '../input.ts';
import { ago, bold, dim, printFields, printLine, printTable } from '../print.ts';
import { addPolicyPreview } from './policy-preview.ts';

export function addPolicy(program: Command): void {
  const policy = program
    .command('policy')
    .description('show or set the policy')
    .addHelpText('after', '\nExample:\n  opsloop policy get daily_caps');

  policy
    .command('list', { isDefault: true })
    .description('show every key with its meaning and value')
    .action(async () => {
      const { client, show } = await connect(program);
      show(await client.read(client.api.api.ops.policy.$get({ query: {} })), ({ policy: rows }) => {
        for (const row of rows) {
          printLine(`${bold(row.key)}  ${JSON.stringify(row.value)}`);
          if (row.meaning) printLine(dim(`  ${row.meaning}`));
        }
      });
    });

  policy
    .command('get')
    .description('show one key')
    .argument('<key>')
    .action(async (key: string) => {
      const { client, show } = await connect(program);
      show(
        await client.read(client.api.api.ops.policy[':key'].$get({ param: { key: requireName(key) } })),
        ({ policy: row }) => {
          printLine(JSON.stringify(row.value, null, 2));
        },
      );
    });

  policy
    .command('set')
    .description('set one key to a JSON value')
    .argument('<key>')
    .argument('<value>', 'JSON')
    .addHelpText('after', `\nExample:\n  opsloop policy set tweet_quota '{"max_per_day": 3}'`)
    .action(async (key: string, value: string) => {
      const { client, show } = await connect(program);
      const json = { value: parseJson(value) };
      show(
        await client.read(client.api.api.ops.policy[':key'].$put({ param: { key: requireName(key) }, json })),
        ({ policy: row }) => {
          printLine(`${row.key} is ${JSON.stringify(row.value)}`);
        },
      );
    });

  policy
    .command('history')
    .description('show the changes of one key, the newest first')
    .argument('<key>')
    .option('--limit <number>', 'how many', '20')
    .option('--cursor <cursor>', 'where the page begins: `next` of the page before')
    .addHelpText('after', '\nExample:\n  opsloop policy history daily_caps')
    .action(async (key: string, query: { limit: string; cursor?: string }) => {
      const { client, show } = await connect(program);
      const param = { key: requireName(key) };
      show(
        await client.read(client.api.api.ops.policy[':key'].history.$get({ param, query })),
        ({ changes, next }) => {
          printTable(
            changes,
            [
              { title: 'made', value: (row) => ago(row.at) },
              { title: 'by', value: (row) => row.by ?? '' },
              { title: 'from', value: (row) => JSON.stringify(row.from) },
              { title: 'to', value: (row) => JSON.stringify(row.to) },
            ],
            'It was never changed.',
          );
          if (next) printFields({ 'next page': `--cursor ${next}` });
        },
      );
    });

  addPolicyPreview(policy, program);
}
