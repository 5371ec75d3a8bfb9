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
/** A problem is over when it was gone for so many looks, so that one that comes and goes does not call each time. */
const LOOKS_UNTIL_SOLVED = 6;
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
  let before = FIRST_LOOK;

  const loop = (async () => {
    for (let failing = false; !closing.signal.aborted; ) {
      try {
        if (await holdWatch(database, holder, HOLD_SECONDS))
          before = await lookOnce(database, await problems(), before);
        else before = FIRST_LOOK;
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

/** What one look leaves for the next one. */
export type Look = {
  found: readonly Condition[];
  /** For how many looks in a row what is told of has been gone, by key. */
  gone: ReadonlyMap<string, number>;
};
export const FIRST_LOOK: Look = { found: [], gone: new Map() };

/**
 * One look. What comes and goes between two looks is no alert, and what is gone for a moment is not over: so a restart,
 * which knows of no problem at first, tells of nothing.
 */
export async function lookOnce(
  database: Database,
  problems: readonly Problem[],
  before: Look = FIRST_LOOK,
): Promise<Look> {
  const found = conditionsOf(problems, await readCaps(database, null));
  const alerts = await selectAlerts(database);
  const lasting = found.filter((one) => isCap(one) || isIn(before.found, one));
  const raised = lasting.filter((one) => !isIn(alerts, one));
  const absent = alerts.filter((one) => !isIn(found, one));
  const gone = new Map(absent.map(({ key }) => [key, (before.gone.get(key) ?? 0) + 1]));
  const cleared = absent
    .filter((one) => isCap(one) || (gone.get(one.key) ?? 0) >= LOOKS_UNTIL_SOLVED)
    .map(({ key }) => key);
  const patience = await readPolicyKey(database, 'reminders');
  const changed = await database.transaction(async (tx) => {
    const changes = raised.length + cleared.length > 0 ? await changeAlerts(tx, raised, cleared) : 0;
    return changes + (await remind(tx, patience, MOST_REMINDERS)).length;
  });
  await forgetReminders(database);
  if (changed > 0) database.hints.tell('events');
  return { found, gone };
}

function isIn(list: readonly { key: string }[], { key }: { key: string }): boolean {
  return list.some((one) => one.key === key);
}

/** A cap that is reached stays so until tomorrow. */
function isCap({ topic }: Condition): boolean {
  return topic.startsWith('cap.');
}
