import { readConfig } from '../../config.ts';
import type { Check } from './check.ts';
import { checkDatabase } from './database.ts';
import { checkMachine } from './machine.ts';
import { checkWork } from './work.ts';
import { dim, printJson, printLine } from '../print.ts';

const MARKS: Record<Check['state'], string> = { ok: 'ok  ', warning: 'look', problem: 'BAD ' };

/** Looks at everything, prints it, and exits with 1 when something is bad. */
export async function runDoctor(json: boolean): Promise<void> {
  const config = readConfig();
  const { checks, database } = await checkDatabase(config);
  const all = [...(await checkMachine(config)), ...checks, ...(await checkWork(config, database))];
  await database?.close();
  const bad = all.some((check) => check.state === 'problem');
  if (bad) process.exitCode = 1;
  if (json) return printJson({ ok: !bad, checks: all });
  for (const { name, state, found, todo } of all) {
    printLine(`${MARKS[state]}  ${name.padEnd(18)}  ${found}`);
    if (todo) printLine(`      ${' '.repeat(18)}  ${dim(todo)}`);
  }
}
