#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { AppError, ERRORS, toError } from '../errors.ts';
import { VERSION } from '../version.ts';
import { addDoctor } from './commands/doctor.ts';
import { addMigrate } from './commands/migrate.ts';
import { addUp } from './commands/up.ts';
import { addWorker } from './commands/worker.ts';
import { printJson, printProblem } from './print.ts';

const program = new Command('opsloop')
  .description('A closed loop for AI agents on PostgreSQL.')
  .version(VERSION)
  .option('--json', 'print JSON, for programs')
  .showHelpAfterError('(opsloop --help lists the commands)')
  .showSuggestionAfterError()
  .configureOutput({ writeErr: (text) => process.stderr.write(text) })
  .exitOverride();

addUp(program);
addWorker(program);
addMigrate(program);
addDoctor(program);

try {
  await program.parseAsync();
} catch (thrown) {
  process.exitCode = report(toError(thrown));
}

/** Says what went wrong and returns the exit code: never a stack trace, always what to do. */
function report(error: Error): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : ERRORS.usage.exitCode;
  const known = error instanceof AppError ? error : new AppError('internal', error.message, { cause: error });
  if (program.opts<{ json?: boolean }>().json)
    printJson({ code: known.code, error: known.message, ...known.details });
  else printProblem(`opsloop: ${known.message}`);
  return known.exitCode;
}
