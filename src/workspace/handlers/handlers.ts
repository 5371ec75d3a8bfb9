import type { Handlers } from '../../worker/handler.ts';
import { type ExecOptions, makeExec } from './exec.ts';
import { plan } from './plan.ts';
import { task } from './task.ts';

/** What works the steps that files become. */
export function fileHandlers(options: ExecOptions & { runsCommands: boolean }): Handlers {
  return { task, plan, ...(options.runsCommands ? { exec: makeExec(options) } : {}) };
}
