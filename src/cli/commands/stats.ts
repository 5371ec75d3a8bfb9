import type { Command } from 'commander';
import { AppError } from '../../errors.ts';
import { humanDuration } from '../../lib/time.ts';
import { type Connection, connect } from '../connect.ts';
import { ago, printFields, printTable, usd } from '../print.ts';

type Options = { day?: boolean; agents?: boolean; days?: string };

/** stats, caps: figures of the last time, and what is left of today. */
export function addStats(program: Command): void {
  program
    .command('stats')
    .description('say what happened in the last hour: proposals, missions, steps, tokens, waiting times')
    .option('--day', 'in the last day, by 15 minutes')
    .option('--agents', 'what each agent did in the last days')
    .option('--days <number>', 'with --agents, how many days (14)')
    .addHelpText('after', '\nExamples:\n  opsloop stats --day\n  opsloop stats --agents --days 30')
    .action(async ({ day, agents, days }: Options) => {
      if (agents && day) throw new AppError('usage', 'Give --day or --agents, not both.');
      if (days !== undefined && !agents) throw new AppError('usage', '--days goes with --agents.');
      const connection = await connect(program);
      if (agents) await showAgents(connection, days === undefined ? {} : { days });
      else await showStats(connection, day ? 'day' : 'hour');
    });

  program
    .command('caps')
    .description("say what is left of today's caps")
    .addHelpText('after', '\nExample:\n  opsloop caps --json')
    .action(async () => {
      const { client, show } = await connect(program);
      show(await client.read(client.api.api.ops.caps.$get({ query: {} })), (caps) => {
        printFields({
          day: `${caps.day} (${caps.timezone})`,
          ends: caps.resets_at,
          proposals: caps.proposals && ofLimit(caps.proposals),
          tokens: caps.tokens && ofLimit(caps.tokens),
        });
        printTable(
          caps.agents,
          [
            { title: 'agent', value: (row) => row.agent_id },
            { title: 'proposals', value: (row) => ofLimit(row.proposals) },
            { title: 'tokens', value: (row) => ofLimit(row.tokens) },
          ],
          'There are no agents.',
        );
        printTable(
          caps.kinds,
          [
            { title: 'kind', value: (row) => row.kind },
            { title: 'proposals', value: ofLimit },
          ],
          'No kind has a cap.',
        );
      });
    });
}

async function showStats({ client, show }: Connection, window: 'hour' | 'day'): Promise<void> {
  show(await client.read(client.api.api.ops.stats.$get({ query: { window } })), ({ totals, ...stats }) => {
    const busy = stats.buckets.filter((bucket) => Object.values(bucket).some((value) => Number(value) > 0));
    printTable(
      busy,
      [
        { title: 'from', value: (row) => row.at },
        { title: 'proposals', value: (row) => String(row.proposals) },
        { title: 'rejected', value: (row) => String(row.rejected) },
        { title: 'succeeded', value: (row) => String(row.succeeded) },
        { title: 'failed', value: (row) => String(row.failed) },
        { title: 'steps', value: (row) => String(row.steps) },
        { title: 'failures', value: (row) => String(row.step_failures) },
        { title: 'tokens', value: (row) => String(row.tokens) },
        { title: 'cost', value: (row) => usd(row.cost_usd) },
        { title: 'wait p50/p95 ms', value: (row) => `${row.wait_p50_ms ?? '-'}/${row.wait_p95_ms ?? '-'}` },
      ],
      `Nothing happened in the last ${window}.`,
    );
    printFields({
      proposals: `${totals.proposals}, ${totals.rejected} rejected`,
      missions: `${totals.succeeded} succeeded, ${totals.failed} failed, ${totals.cancelled} cancelled`,
      steps: `${totals.steps} completed, ${totals.step_failures} attempts failed`,
      tokens: String(totals.tokens),
      cost: usd(totals.cost_usd),
      waited:
        totals.wait_p50_ms === null ? null : `${totals.wait_p50_ms} ms p50, ${totals.wait_p95_ms} ms p95`,
      counted: ago(stats.through),
    });
  });
}

async function showAgents({ client, show }: Connection, query: { days?: string }): Promise<void> {
  show(await client.read(client.api.api.ops.agents.stats.$get({ query })), ({ agents }) => {
    printTable(
      agents,
      [
        { title: 'agent', value: (row) => row.agent_id },
        { title: 'proposals', value: (row) => String(row.proposals) },
        { title: 'rejected', value: (row) => String(row.rejected) },
        { title: 'succeeded', value: (row) => String(row.succeeded) },
        { title: 'failed', value: (row) => String(row.failed) },
        {
          title: 'success',
          value: (row) => (row.success_share === null ? '' : `${Math.round(row.success_share * 100)} %`),
        },
        { title: 'tokens', value: (row) => String(row.tokens) },
        { title: 'cost', value: (row) => usd(row.cost_usd) },
        { title: 'steps', value: (row) => String(row.steps) },
        { title: 'worked', value: (row) => humanDuration(row.work_ms) },
      ],
      'There are no agents.',
    );
  });
}

function ofLimit({ limit, used }: { limit: number; used: number }): string {
  return `${used} of ${limit}`;
}
