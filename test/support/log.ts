import { pino } from 'pino';
import type { Log } from '../../src/log.ts';

/** A log that keeps what operators are warned of. */
export function keepingLog(): { log: Log; warnings: string[] } {
  const warnings: string[] = [];
  const write = (line: string) => void warnings.push((JSON.parse(line) as { msg: string }).msg);
  return { log: pino({ level: 'warn' }, { write }), warnings };
}
