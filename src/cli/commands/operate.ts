import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { ago, printFields, printLine, printTable } from '../print.ts';

/** heartbeat, pause, resume, workers, health: running the installation. */
export function addOperate(program: Command): void {
  program
    .command('heartbeat')
    .description('run a beat now, or join the one that is under way')
    .addHelpText('after', '\nExample:\n  opsloop heartbeat')
    .action(async () => {
      const { client, show } = await connect(program);
      show(await client.read(client.api.api.ops.heartbeat.$post({ json: {} })), ({ actions }) => {
        printTable(
          actions,
          [
            { title: 'action', value: (row) => row.action },
            { title: 'status', value: (row) => row.status },
            { title: 'ms', value: (row) => String(row.duration_ms ?? '') },
            { title: 'details', value: (row) => JSON.stringify(row.details) },
          ],
          'There are no actions.',
        );
      });
    });

  for (const verb of ['pause', 'resume'] as const) {
    program
      .command(verb)
      .description(
        verb === 'pause' ? 'no new claims; running model calls are given back' : 'go on after a pause',
      )
      .argument('[agent]', 'only this agent; left out, everybody')
      .addHelpText('after', `\nExample:\n  opsloop ${verb} marketing`)
      .action(async (agent: string | undefined) => {
        const { client, show } = await connect(program);
        const json = agent === undefined ? {} : { agent_id: agent };
        show(await client.read(client.api.api.ops[verb].$post({ json })), ({ paused }) => {
          printFields({
            everybody: paused.enabled ? 'paused' : 'not paused',
            agents: paused.agents.join(', ') || 'none paused',
          });
        });
      });
  }

  program
    .command('workers')
    .description('list workers, those alive first')
    .addHelpText('after', '\nExample:\n  opsloop workers --json')
    .action(async () => {
      const { client, show } = await connect(program);
      show(await client.read(client.api.api.ops.workers.$get({ query: {} })), ({ workers }) => {
        printTable(
          workers,
          [
            { title: 'worker', value: (row) => row.worker_id },
            { title: 'state', value: (row) => row.ended_as ?? (row.alive ? 'alive' : 'silent') },
            { title: 'holds', value: (row) => String(row.holds) },
            { title: 'over', value: (row) => (row.key_id === null ? '' : `HTTP, key ${row.key_id}`) },
            { title: 'lease', value: (row) => (row.ended_at === null ? leaseOf(row) : '') },
            { title: 'started', value: (row) => ago(row.started_at) },
            {
              title: 'kinds',
              value: (row) =>
                Object.entries(row.kinds)
                  .map(([kind, slots]) => `${kind}:${slots}`)
                  .join(' '),
            },
          ],
          'There are none. Start one with `opsloop up` or `opsloop worker`.',
        );
      });
    });

  program
    .command('health')
    .description('show how the installation is; exits with 1 when something needs attention')
    .addHelpText('after', '\nExample:\n  opsloop health || echo "look at it"')
    .action(async () => {
      const { client, show } = await connect(program);
      const health = await client.read(client.api.api.ops.health.$get({ query: {} }));
      if (health.status !== 'ok') process.exitCode = 1;
      show(health, (found) => {
        printFields({
          status: found.status,
          database: `PostgreSQL ${found.database.version}, ${found.database.latency_ms} ms`,
          model: found.llm.serving,
          workers: String(found.workers.alive),
          'last beat':
            found.last_beat_age_seconds === null ? 'none yet' : `${found.last_beat_age_seconds} s ago`,
          files: found.files
            ? `${found.files.mode ?? 'another process has them'}, ${found.files.waiting} waiting`
            : null,
          events: `${found.events.seq} sealed, ${found.events.sealing_lag_ms} ms behind`,
          'signed log': found.events.signed
            ? `up to ${found.events.signed.seq}, ${ago(found.events.signed.at)}`
            : 'not yet',
          'last backup': backupOf(found.backups),
          keeps:
            found.retention.keep_days === null
              ? 'everything, for ever'
              : `what has ended for ${found.retention.keep_days} days`,
          ...Object.fromEntries(
            Object.entries(found.counts).map(([name, count]) => [name.replaceAll('_', ' '), String(count)]),
          ),
        });
        for (const problem of found.problems) printLine(`! ${problem}`);
      });
    });
}

function backupOf({ every_hours, last_at }: { every_hours: number | null; last_at: string | null }): string {
  const last = last_at === null ? 'none yet' : ago(last_at);
  return every_hours === null
    ? `${last}; none are made by themselves`
    : `${last}; one every ${every_hours} h`;
}

/** How long it may still be silent, by this machine's clock. */
function leaseOf({ lease_expires_at }: { lease_expires_at: string }): string {
  const seconds = Math.round((Date.parse(lease_expires_at) - Date.now()) / 1_000);
  return seconds >= 0 ? `${seconds} s left` : 'ran out';
}
