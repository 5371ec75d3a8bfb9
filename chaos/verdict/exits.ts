import type { Boot } from '../stage/actor.ts';
import type { Finding } from './facts.ts';

/** What a program can say last when nobody caught its error: Node, V8 without memory, Python. */
const UNCAUGHT =
  /^(?:Node\.js v\d.*|.*(?:\[UnhandledPromiseRejection|UnhandledPromiseRejectionWarning).*|.*FATAL ERROR: .*|Traceback \(most recent call last\):)$/m;

/** A program ends because a fault kills it, or in order because it was told to; any other end is its own mistake. */
export function findWrongExits(program: { name: string; boots: readonly Boot[]; log: string }): Finding[] {
  const { name, boots, log } = program;
  const wrong = boots.flatMap(({ pid, told, end }) => {
    if (end === null) return [`process ${pid} of ${name} has not ended`];
    if (end.signal === 'SIGKILL' && told.includes('SIGKILL')) return [];
    if (end.code === 0 && told.includes('SIGTERM')) return [];
    const how = end.signal ?? `exit code ${end.code}`;
    const why = told.includes('SIGTERM') ? 'when it was told to end' : 'and no fault was the cause';
    return [`process ${pid} of ${name} ended by ${how}, ${why}`];
  });
  const uncaught = UNCAUGHT.exec(log);
  if (uncaught)
    wrong.push(
      `${name} did not catch an error, says its log at character ${uncaught.index}: ${uncaught[0].slice(0, 200)}`,
    );
  return wrong.map((what) => ({ rule: 'exits', what }));
}
