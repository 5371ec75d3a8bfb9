import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { requireId } from '../input.ts';
import { ago, printTable, usd } from '../print.ts';

export function addAttempts(program: Command): void {
  program
    .command('attempts')
    .description('list the attempts of a mission: who worked it, how it ended, what it cost')
    .argument('<id>', "the mission's id")
    .addHelpText('after', '\nExample:\n  opsloop attempts 019a2b3c-…')
    .action(async (given: string) => {
      const { client, show } = await connect(program);
      const param = { id: requireId(given) };
      show(await client.read(client.api.api.ops.missions[':id'].attempts.$get({ param })), ({ attempts }) => {
        printTable(
          attempts,
          [
            { title: 'step', value: (row) => row.step_id },
            { title: 'attempt', value: (row) => String(row.attempt) },
            { title: 'begun', value: (row) => ago(row.claimed_at) },
            { title: 'end', value: (row) => row.ended_as ?? 'runs' },
            { title: 'worker', value: (row) => row.worker_id ?? '' },
            {
              title: 'model',
              value: (row) => row.calls.map(({ model, engine }) => model ?? engine).join(', '),
            },
            {
              title: 'tokens',
              value: ({ calls }) => sum(calls.flatMap((call) => [call.input_tokens, call.output_tokens])),
            },
            {
              title: 'cost',
              value: ({ calls }) =>
                sum(
                  calls.map((call) => call.cost_usd),
                  usd,
                ),
            },
            { title: 'failure', value: (row) => row.failure?.message ?? row.failure?.class ?? '' },
          ],
          'None of its steps was claimed yet.',
        );
      });
    });
}

/** With one part unknown the whole is: blank. */
function sum(counts: (number | null)[], say: (total: number) => string = String): string {
  if (counts.length === 0 || counts.includes(null)) return '';
  return say(counts.reduce<number>((total, count) => total + (count ?? 0), 0));
}
