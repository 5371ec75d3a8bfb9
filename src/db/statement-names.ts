import { createHash } from 'node:crypto';
import type { Log } from '../log.ts';
import { isNameLost } from './sqlstate.ts';

export type StatementNames = {
  /** The name that a statement is prepared under, or undefined when names are off. */
  of(name: string, text: string): string | undefined;
  /** Looks whether a pooler lost a name; then no statement of this process gets one any more. */
  look(error: unknown): void;
};

/**
 * A pooler that hands out another connection for each transaction may not know what was prepared on the last one.
 * The server says so before it runs anything, so that the statement can be run again, without a name.
 */
export function makeStatementNames(wanted: boolean, log: Log): StatementNames {
  const names = new Map<string, string>();
  let on = wanted;
  return {
    of(name, text) {
      if (!on) return undefined;
      let full = names.get(text);
      if (full === undefined) {
        // Connections of a pooler can have statements of another version of the program: a name is one text.
        full = `${name}_${createHash('sha256').update(text).digest('hex').slice(0, 12)}`;
        names.set(text, full);
      }
      return full;
    },
    look(error) {
      if (!on || !isNameLost(error)) return;
      on = false;
      log.warn(
        'a pooler before PostgreSQL does not keep prepared statements, so they are no longer used; OPSLOOP_PREPARED_STATEMENTS=0 says so from the start',
      );
    },
  };
}
