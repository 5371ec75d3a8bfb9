import type { Command } from 'commander';
import type { MissedRule, ScheduleChange } from '../../../schedules/schema.ts';
import { parseDuration, parseInteger, readBody } from '../../input.ts';

export type ScheduleOptions = {
  title?: string;
  agent?: string;
  kind?: string;
  body?: string;
  bodyFile?: string;
  priority?: string;
  cron?: string;
  every?: string;
  starting?: string;
  at?: string;
  timezone?: string;
  missed?: MissedRule;
  missedMost?: string;
  jitter?: string;
};

/** The options that `add` and `set` share. */
export function addScheduleOptions(command: Command): Command {
  return command
    .option('--agent <id>', 'the agent that proposes (pm)')
    .option('--kind <kind>', 'the kind of its proposals (analysis)')
    .option('--body <text>', 'details; "-" reads the standard input')
    .option('--body-file <path>', 'details from a file')
    .option('--priority <number>', 'higher is worked first (-100 to 100)')
    .option('--cron <expression>', 'minute hour day-of-month month day-of-week: "0 8 * * 1-5"')
    .option('--every <span>', 'by an interval: 90s, 15m, 1h30m, 2d, 1w')
    .option('--starting <time>', 'with --every: the first time')
    .option('--at <time>', 'once: "2026-12-24T12:00:00+01:00"')
    .option('--timezone <name>', 'whose clock cron reads (UTC): "Europe/Berlin"')
    .option('--missed <rule>', 'of missed times propose none (skip), the newest (once), or more (all)')
    .option('--missed-most <number>', 'with --missed all: the newest so many (10)')
    .option('--jitter <span>', 'take each due time up to so much later: 5m');
}

/** What the options name, as the API takes it. */
export async function toJson(options: ScheduleOptions): Promise<ScheduleChange> {
  const { title, agent, kind, cron, starting, at, timezone, missed } = options;
  const all = {
    title,
    agent_id: agent,
    kind,
    body: await readBody(options),
    priority: parseInteger('--priority', options.priority),
    cron,
    every_seconds: parseDuration('--every', options.every),
    starts_at: starting,
    at,
    timezone,
    missed,
    missed_most: parseInteger('--missed-most', options.missedMost),
    jitter_seconds: parseDuration('--jitter', options.jitter),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
