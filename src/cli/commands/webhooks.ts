import type { Command } from 'commander';
import { AppError } from '../../errors.ts';
import { type DeliveryState, type TemplateName, TEMPLATES, TOPICS } from '../../webhooks/schema.ts';
import { connect } from '../connect.ts';
import { requireId, requireName } from '../input.ts';
import { ago, printFields, printLine, printTable } from '../print.ts';

type AddOptions = {
  to: string;
  template: TemplateName;
  topics: string;
  agents?: string;
  option: Record<string, string>;
  links?: boolean;
  paused?: boolean;
};

/** webhooks: whom to call when a human is needed, and how the calls went. */
export function addWebhooks(program: Command): void {
  const webhooks = program
    .command('webhooks')
    .description('call somebody when a human is needed: list, set, test and remove webhooks, and their calls')
    .addHelpText(
      'after',
      `\nTopics:\n${Object.entries(TOPICS)
        .map(([topic, meaning]) => `  ${topic.padEnd(18)} ${meaning}`)
        .join(
          '\n',
        )}\n\nExample:\n  opsloop webhooks set phone --to https://ntfy.sh/ --template ntfy --option 'topic={secret:ntfy-topic}' --topics proposal,mission.failed,problem --links`,
    );

  webhooks
    .command('list', { isDefault: true })
    .description('list webhooks')
    .action(async () => {
      const { client, show } = await connect(program);
      show(await client.read(client.api.api.ops.webhooks.$get({ query: {} })), ({ webhooks: rows }) => {
        printTable(
          rows,
          [
            { title: 'name', value: (row) => row.name },
            {
              title: 'state',
              value: (row) => (row.paused ? 'paused' : row.failing_since ? 'failing' : 'ok'),
            },
            { title: 'template', value: (row) => row.template },
            { title: 'topics', value: (row) => row.topics.join(',') },
            { title: 'agents', value: (row) => row.agents?.join(',') ?? 'all' },
            { title: 'links', value: (row) => row.links_by ?? 'no' },
            { title: 'last error', value: (row) => row.last_error ?? '' },
            { title: 'to', value: (row) => row.url },
          ],
          'There are none.',
        );
      });
    });

  webhooks
    .command('set')
    .description('make a webhook, or change it to this')
    .argument('<name>', 'what it is called')
    .requiredOption('--to <url>', 'where to call; what is secret in it is named: {secret:name}')
    .option('--template <name>', TEMPLATES.join(', '), 'json')
    .option('--topics <list>', 'for what', 'proposal,mission.failed,cap,problem')
    .option('--agents <list>', 'only for what belongs to these agents')
    .option(
      '--option <name=value>',
      'telegram: chat_id; ntfy: topic; what is secret is named, too',
      collect,
      {},
    )
    .option('--links', 'calls about pending proposals get a link that decides, as the key used here')
    .option('--paused', 'without calling, for now')
    .addHelpText(
      'after',
      "\nExample:\n  opsloop webhooks set chat --to 'https://api.telegram.org/bot{secret:telegram-bot}/sendMessage' --template telegram --option chat_id=12345",
    )
    .action(async (name: string, options: AddOptions) => {
      const { client, show } = await connect(program);
      const json = {
        url: options.to,
        template: options.template,
        topics: split(options.topics).flatMap(expand),
        agents: options.agents === undefined ? null : split(options.agents),
        options: options.option,
        links: options.links ?? false,
        paused: options.paused ?? false,
      };
      const param = { name: requireName(name) };
      show(await client.read(client.api.api.ops.webhooks[':name'].$put({ param, json })), (stored) => {
        printFields({
          webhook: stored.webhook.name,
          state: stored.changed ? 'stored' : 'as it was',
          topics: stored.webhook.topics.join(', '),
          'signing secret': stored.signing_secret,
        });
        if (stored.signing_secret)
          printLine('The secret is not shown again; the receiver verifies calls with it.');
      });
    });

  webhooks
    .command('test')
    .description('send a call that says it is a test')
    .argument('<name>', 'the webhook')
    .action(async (name: string) => {
      const { client, show } = await connect(program);
      const param = { name: requireName(name) };
      show(await client.read(client.api.api.ops.webhooks[':name'].test.$post({ param, json: {} })), () => {
        printLine(`It is on its way; \`opsloop webhooks calls ${name}\` tells how it went.`);
      });
    });

  webhooks
    .command('calls')
    .description('list the calls of a webhook, the newest first')
    .argument('<name>', 'the webhook')
    .option('--status <state>', 'waiting, delivered, skipped or dead')
    .option('--limit <number>', 'how many', '20')
    .action(async (name: string, { status, limit }: { status?: DeliveryState; limit: string }) => {
      const { client, show } = await connect(program);
      const param = { name: requireName(name) };
      const query = { limit, ...(status === undefined ? {} : { status }) };
      show(
        await client.read(client.api.api.ops.webhooks[':name'].calls.$get({ param, query })),
        ({ calls }) => {
          printTable(
            calls,
            [
              { title: 'call', value: (row) => row.delivery_id },
              { title: 'made', value: (row) => ago(row.created_at) },
              { title: 'topic', value: (row) => row.topic },
              { title: 'state', value: (row) => row.status },
              { title: 'tries', value: (row) => String(row.attempts) },
              { title: 'last error', value: (row) => row.last_error ?? '' },
            ],
            'There are none.',
          );
        },
      );
    });

  webhooks
    .command('retry')
    .description('try a call that was given up anew')
    .argument('<id>', "the call's id")
    .action(async (given: string) => {
      const { client, show } = await connect(program);
      const param = { id: requireId(given) };
      const answer = await client.read(
        client.api.api.ops['webhook-calls'][':id'].retry.$post({ param, json: {} }),
      );
      show(answer, ({ call }) => printFields({ call: call.delivery_id, state: call.status }));
    });

  webhooks
    .command('remove')
    .description('remove a webhook, and its calls with it')
    .argument('<name>', 'the webhook')
    .action(async (name: string) => {
      const { client, show } = await connect(program);
      const param = { name: requireName(name) };
      show(await client.read(client.api.api.ops.webhooks[':name'].$delete({ param })), ({ webhook }) =>
        printFields({ removed: webhook.name }),
      );
    });
}

function split(list: string): string[] {
  return list.split(',').map((item) => item.trim());
}

/** `proposal` and `cap` stand for all topics that begin so. */
function expand(topic: string): string[] {
  const found = Object.keys(TOPICS).filter((known) => known.startsWith(`${topic}.`));
  return found.length > 0 ? found : [topic];
}

function collect(given: string, before: Record<string, string>): Record<string, string> {
  const at = given.indexOf('=');
  if (at < 1) throw new AppError('usage', `--option "${given}" is not of the form name=value.`);
  return { ...before, [given.slice(0, at)]: given.slice(at + 1) };
}
