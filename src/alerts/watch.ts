import { randomUUID } from 'node:crypto';
import type { Database } from '../db/database.ts';
import { toError } from '../errors.ts';
import type { Problem } from '../health/health.ts';
import { jittered } from '../lib/backoff.ts';
import { sleep } from '../lib/wake.ts';
import type { Log } from '../log.ts';
import { readCaps } from '../overview/caps.ts';
import { readPolicyKey } from '../policy/policy.ts';
import { conditionsOf } from './conditions.ts';
import { changeAlerts, forgetReminders, holdWatch, leaveWatch, remind, selectAlerts } from './queries.ts';
import type { Condition } from './schema.ts';

export type Watch = { close(): Promise<void> };

const LOOK_EVERY_MS = 30_000;
/** The watch of a process that died goes to another one after this. */
const HOLD_SECONDS = 90;
/** Reminders of one look; the oldest come first, the others at the next look. */
const MOST_REMINDERS = 5;

/**
 * Looks for what nobody else would tell of: what health calls a problem, caps that are reached, and proposals that wait
 * too long for a decision. Each becomes an event, once, and another one when it is over. One process watches at a time.
 * @param problems what is wrong, as health says it
 */
export function startWatch(database: Database, problems: () => Promise<Problem[]>, parent: Log): Watch {
  const log = parent.child({ part: 'watch' });
  const holder = randomUUID();
  const closing = new AbortController();
  let before: Condition[] = [];

  const loop = (async () => {
    for (let failing = false; !closing.signal.aborted; ) {
      try {
        if (await holdWatch(database, holder, HOLD_SECONDS))
          before = await lookOnce(database, await problems(), before);
        else before = [];
        failing = false;
      } catch (error) {
        if (!failing) log.warn({ err: toError(error).message }, 'the watch waits');
        failing = true;
      }
      await sleep(jittered(LOOK_EVERY_MS), closing.signal);
    }
  })();

  return {
    async close() {
      closing.abort();
      await loop;
      await leaveWatch(database, holder).catch(() => undefined);
    },
  };
}

/**
 * One look. What comes and goes between two looks is no alert, so that a restart raises none: a condition is raised
 * when it was there at the look before, too.
 * @param before what was found at the look before
 * @returns what is found now
 */
export async function lookOnce(
  database: Database,
  problems: readonly Problem[],
  before: readonly Condition[],
): Promise<Condition[]> {
  const found = conditionsOf(problems, await readCaps(database, null));
  const alerts = new Set((await selectAlerts(database)).map(({ key }) => key));
  const lasting = found.filter((one) => isCap(one) || before.some(({ key }) => key === one.key));
  const raised = lasting.filter(({ key }) => !alerts.has(key));
  const cleared = [...alerts].filter((key) => !found.some((one) => one.key === key));
  const patience = await readPolicyKey(database, 'reminders');
  const changed = await database.transaction(async (tx) => {
    const changes = raised.length + cleared.length > 0 ? await changeAlerts(tx, raised, cleared) : 0;
    return changes + (await remind(tx, patience, MOST_REMINDERS)).length;
  });
  await forgetReminders(database);
  if (changed > 0) database.hints.tell('events');
  return found;
}

/** A cap that is reached stays so until tomorrow. */
function isCap({ topic }: Condition): boolean {
  return topic.startsWith('cap.');
}
