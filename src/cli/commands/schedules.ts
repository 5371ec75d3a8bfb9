import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { parseInteger, requireName } from '../input.ts';
import { oneLine, printFields, printLine, printTable } from '../print.ts';
import { addScheduleOptions, type ScheduleOptions, toJson } from './schedules/options.ts';
import { sayDue, sayTiming, showDetails, stateOf } from './schedules/say.ts';

export function addSchedules(program: Command): void {
  const schedules = program
    .command('schedules')
    .description('proposals by clock: list, add, show, change, pause and remove them')
    .addHelpText(
      'after',
      '\nExample:\n  opsloop schedules add standup "What changed since yesterday?" --cron "0 8 * * 1-5"',
    );

  schedules
    .command('list', { isDefault: true })
    .description('list schedules')
    .option('--agent <id>', 'of one agent')
    .option('--limit <number>', 'how many', '50')
    .option('--cursor <cursor>', 'where the page begins: `next` of the page before')
    .addHelpText('after', '\nExample:\n  opsloop schedules list --agent pm')
    .action(async ({ agent, ...given }: { agent?: string; limit: string; cursor?: string }) => {
      const { client, show } = await connect(program);
      const query = { ...given, ...(agent ? { agent_id: agent } : {}) };
      show(await client.read(client.api.api.ops.schedules.$get({ query })), ({ schedules: rows, next }) => {
        printTable(
          rows,
          [
            { title: 'schedule', value: (row) => row.name },
            { title: 'state', value: stateOf },
            { title: 'agent', value: (row) => row.agent_id },
            { title: 'when', value: sayTiming },
            { title: 'next', value: (row) => (row.next_due_at ? sayDue(row.next_due_at, row.timezone) : '') },
            { title: 'title', value: (row) => row.title },
          ],
          'There are none. Add one with `opsloop schedules add <name> "<title>" --cron "0 8 * * 1-5"`.',
        );
        if (next) printFields({ 'next page': `--cursor ${next}` });
      });
    });

  addScheduleOptions(
    schedules
      .command('add')
      .description('add a schedule')
      .argument('<name>', 'how it is called from now on')
      .argument('<title>', 'the title of its proposals'),
  )
    .addHelpText(
      'after',
      `
Examples:
  opsloop schedules add standup "What changed since yesterday?" --cron "0 8 * * 1-5" --timezone Europe/Berlin
  opsloop schedules add watch "Is the shop healthy?" --agent ops --every 15m --missed skip
  opsloop schedules add freeze "Check the freeze" --at 2026-12-24T12:00:00+01:00`,
    )
    .action(async (name: string, title: string, options: ScheduleOptions) => {
      const { client, show } = await connect(program);
      const { agent_id = 'pm', kind = 'analysis', ...given } = await toJson(options);
      const json = { ...given, name, title, agent_id, kind };
      show(await client.read(client.api.api.ops.schedules.$post({ json })), showDetails);
    });

  addScheduleOptions(
    schedules
      .command('set')
      .description('change what is named of a schedule; with another timing it goes on from now')
      .argument('<name>')
      .option('--title <text>', 'the title of its proposals'),
  )
    .addHelpText('after', '\nExample:\n  opsloop schedules set standup --cron "30 8 * * 1-5"')
    .action(async (name: string, options: ScheduleOptions) => {
      const { client, show } = await connect(program);
      const param = { name: requireName(name) };
      const json = await toJson(options);
      show(await client.read(client.api.api.ops.schedules[':name'].$put({ param, json })), showDetails);
    });

  schedules
    .command('show')
    .description('show a schedule, its next due times and its last proposals')
    .argument('<name>')
    .addHelpText('after', '\nExample:\n  opsloop schedules show standup')
    .action(async (name: string) => {
      const { client, show } = await connect(program);
      const param = { name: requireName(name) };
      show(await client.read(client.api.api.ops.schedules[':name'].$get({ param })), showDetails);
    });

  schedules
    .command('next')
    .description('list the next due times of a schedule')
    .argument('<name>')
    .option('--count <number>', 'how many', '5')
    .addHelpText('after', '\nExample:\n  opsloop schedules next standup --count 20')
    .action(async (name: string, options: { count: string }) => {
      const { client, show } = await connect(program);
      const query = { count: String(parseInteger('--count', options.count)) };
      const param = { name: requireName(name) };
      const answer = await client.read(client.api.api.ops.schedules[':name'].next.$get({ param, query }));
      show(answer, ({ upcoming, timezone }) => {
        for (const due of upcoming) printLine(sayDue(due, timezone));
        if (upcoming.length === 0) printLine('None: it is paused, or nothing comes any more.');
      });
    });

  for (const verb of ['pause', 'resume'] as const) {
    schedules
      .command(verb)
      .description(verb === 'pause' ? 'nothing of it comes due until it is resumed' : 'let it go on from now')
      .argument('<name>')
      .addHelpText('after', `\nExample:\n  opsloop schedules ${verb} standup`)
      .action(async (name: string) => {
        const { client, show } = await connect(program);
        const given = { param: { name: requireName(name) }, json: {} };
        show(await client.read(client.api.api.ops.schedules[':name'][verb].$post(given)), showDetails);
      });
  }

  schedules
    .command('remove')
    .description('remove a schedule; its proposals stay')
    .argument('<name>')
    .addHelpText('after', '\nExample:\n  opsloop schedules remove standup')
    .action(async (name: string) => {
      const { client, show } = await connect(program);
      const param = { name: requireName(name) };
      show(await client.read(client.api.api.ops.schedules[':name'].$delete({ param })), ({ schedule }) => {
        printLine(`${oneLine(schedule.name)} is removed.`);
      });
    });
}
