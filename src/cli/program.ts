import { Command } from 'commander';
import { VERSION } from '../version.ts';
import { addAgents } from './commands/agents.ts';
import { addAttention } from './commands/attention.ts';
import { addAttempts } from './commands/attempts.ts';
import { addBackup } from './commands/backup.ts';
import { addBeats } from './commands/beats.ts';
import { addCheck } from './commands/check.ts';
import { addDecisions } from './commands/decide.ts';
import { addDoctor } from './commands/doctor.ts';
import { addEvents } from './commands/events.ts';
import { addFleet } from './commands/fleet.ts';
import { addFiles } from './commands/files.ts';
import { addKeys } from './commands/keys.ts';
import { addLoop } from './commands/loop.ts';
import { addMcp } from './commands/mcp.ts';
import { addMigrate } from './commands/migrate.ts';
import { addMissions } from './commands/missions.ts';
import { addOpen } from './commands/open.ts';
import { addOperate } from './commands/operate.ts';
import { addPolicy } from './commands/policy.ts';
import { addProposals } from './commands/proposals.ts';
import { addPropose } from './commands/propose.ts';
import { addRun } from './commands/run.ts';
import { addSchedules } from './commands/schedules.ts';
import { addSecrets } from './commands/secrets.ts';
import { addShow } from './commands/show.ts';
import { addStats } from './commands/stats.ts';
import { addUp } from './commands/up.ts';
import { addWebhooks } from './commands/webhooks.ts';
import { addWhy } from './commands/why.ts';
import { addWork } from './commands/work.ts';
import { addWorker } from './commands/worker.ts';

const COMMANDS = [
  addUp,
  addPropose,
  addRun,
  addProposals,
  addShow,
  addWhy,
  addAttempts,
  addLoop,
  addAttention,
  addStats,
  addDecisions,
  addMissions,
  addFiles,
  addEvents,
  addPolicy,
  addAgents,
  addSchedules,
  addKeys,
  addFleet,
  addWebhooks,
  addSecrets,
  addOperate,
  addBeats,
  addOpen,
  addWorker,
  addMcp,
  addWork,
  addBackup,
  addMigrate,
  addCheck,
  addDoctor,
];

/** The command line, ready to parse. It throws instead of ending the process. */
export function buildProgram(): Command {
  const program = new Command('opsloop')
    .description('A closed loop for AI agents on PostgreSQL.')
    .version(VERSION)
    .option('--json', 'print JSON, for programs')
    .showHelpAfterError('(opsloop --help lists the commands)')
    .showSuggestionAfterError()
    .configureOutput({ writeErr: (text) => process.stderr.write(text) })
    .exitOverride();
  for (const add of COMMANDS) add(program);
  return program;
}
