import type { Command } from 'commander';
import { readConfig } from '../../config.ts';
import type { Check } from '../doctor/check.ts';
import { checkDatabase } from '../doctor/database.ts';
import { checkMachine } from '../doctor/machine.ts';
import { checkWork } from '../doctor/work.ts';
import { dim, printJson, printLine } from '../print.ts';

const MARKS: Record<Check['state'], string> = { ok: 'ok  ', warning: 'look', problem: 'BAD ' };

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('check this machine, the database, the models and the work, and explain what is wrong')
    .addHelpText('after', '\nExits with 1 when something is bad.\n\nExample:\n  opsloop doctor --json')
    .action(async () => {
      await runDoctor(program.opts<{ json?: boolean }>().json ?? false);
    });
}

async function runDoctor(json: boolean): Promise<void> {
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
