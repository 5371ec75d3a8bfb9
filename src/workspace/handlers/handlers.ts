import type { Handlers } from '../../worker/handler.ts';
import { type ExecOptions, makeExec } from './exec.ts';
import { plan } from './plan.ts';
import { task } from './task.ts';

/** The kinds of steps that files become, also where commands are not run. */
export const FILE_KINDS = ['task', 'plan', 'exec'];

/** What works the steps that files become. */
export function fileHandlers(options: ExecOptions & { runsCommands: boolean }): Handlers {
  return { task, plan, ...(options.runsCommands ? { exec: makeExec(options) } : {}) };
}
