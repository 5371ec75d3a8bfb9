#!/usr/bin/env node
import { CommanderError } from 'commander';
import { AppError, ERRORS, toError } from '../errors.ts';
import { printJson, printProblem } from './print.ts';
import { buildProgram } from './program.ts';

// A reader that has seen enough (`| head`) is no failure.
process.stdout.on('error', () => undefined);

const program = buildProgram();
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
