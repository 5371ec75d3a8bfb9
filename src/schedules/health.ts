import type { Db } from '../db/database.ts';
import { toError } from '../errors.ts';
import { humanDuration } from '../lib/time.ts';
import { readPolicy } from '../policy/policy.ts';
import { cronAfter } from './cron.ts';
import { type Overview, selectOverview, selectTroubled, type Troubled } from './queries.ts';

export type SchedulesHealth = Overview & {
  /** Which of them do not move, and what to do. */
  problems: string[];
};

const LATE_MS = 60_000;
const MOST_NAMED = 5;

/** How the schedules are, by their rows alone: so it is known as well where nothing runs that would take them. */
export async function readSchedulesHealth(db: Db): Promise<SchedulesHealth> {
  const [overview, troubled] = await Promise.all([
    selectOverview(db),
    selectTroubled(db, LATE_MS, MOST_NAMED + 1),
  ]);
  const policyProblem = troubled.length === 0 ? null : await unreadablePolicy(db);
  const problems = troubled.slice(0, MOST_NAMED).map((one) => sayTrouble(one, policyProblem));
  if (troubled.length > MOST_NAMED)
    problems.push('More schedules do not move; `opsloop schedules` lists them.');
  return { ...overview, problems };
}

function sayTrouble(one: Troubled, policyProblem: string | null): string {
  const { name } = one;
  if (one.late_ms === null) {
    return `Schedule "${name}" took a due time that lies ahead (${one.last_due_at?.toISOString()}), so the database's clock was set back. \`opsloop schedules pause ${name}\` and \`resume ${name}\` let it go on from now.`;
  }
  const late = `Schedule "${name}" was to propose ${humanDuration(one.late_ms)} ago`;
  if (!one.agent_known) {
    return `${late}, but there is no agent "${one.agent_id}": \`opsloop agents set ${one.agent_id}\` adds it, \`opsloop schedules set ${name} --agent …\` names another.`;
  }
  const unreadable = policyProblem ?? unreadableTiming(one);
  return unreadable === null
    ? `${late}, and nobody did: start \`opsloop up\`, or look into the log of the server.`
    : `${late}, but cannot: ${unreadable}`;
}

async function unreadablePolicy(db: Db): Promise<string | null> {
  return readPolicy(db).then(
    () => null,
    (error: unknown) => toError(error).message,
  );
}

/** A time zone, for one, that this version of Node does not know. */
function unreadableTiming({ name, cron, timezone }: Troubled): string | null {
  if (cron === null) return null;
  try {
    cronAfter(cron, timezone, new Date());
    return null;
  } catch (error) {
    return `its timing cannot be read (${toError(error).message}). \`opsloop schedules set ${name}\` gives it another.`;
  }
}
