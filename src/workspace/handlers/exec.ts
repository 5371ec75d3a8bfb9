import type { Database } from '../../db/database.ts';
import { runContained } from '../../lib/run-contained.ts';
import { readPolicyKey } from '../../policy/policy.ts';
import { type Handler, StepError } from '../../worker/handler.ts';
import type { ExecResult } from '../conventions/notes.ts';
import { parseTaskText } from '../conventions/task-text.ts';
import { workspaceOf } from '../task-files.ts';

/** One argument of a program can have so many bytes on Linux. */
const MOST_COMMAND_BYTES = 100_000;

export type ExecOptions = {
  database: Database;
  /** Where commands run, and their home. */
  workspace: string;
  /** What of our environment they get: where programs are, and the language. */
  env: Record<string, string>;
  /** The workspace that this process owns and processes; null while there is none. */
  ownWorkspace(): string | null;
};

/**
 * Runs a command that an operator has approved. It has one attempt: what is stopped in the middle has failed,
 * because nobody knows how much of it happened.
 */
export function makeExec({ database, workspace, env, ownWorkspace }: ExecOptions): Handler {
  return {
    usesModel: false,
    slots: 1,
    once: true,
    available: () => ownWorkspace() !== null,
    async run({ step, signal, brief, begin }) {
      const { proposal } = await brief();
      const rules = await readPolicyKey(database, 'exec_policy');
      if (proposal.kind !== 'exec' || !rules.enabled)
        throw new StepError('exec_off', 'Commands are off (policy exec_policy), so it was not run.', {
          final: true,
        });
      const command = parseTaskText(proposal.body ?? '').text;
      const bytes = Buffer.byteLength(command);
      if (bytes === 0 || bytes > MOST_COMMAND_BYTES)
        throw new StepError(
          'exec_unusable',
          `The command has ${bytes} bytes; 1 to ${MOST_COMMAND_BYTES} are allowed. It was not run.`,
          { final: true },
        );
      const whose = await workspaceOf(database, step.proposal_id);
      if (whose !== null && whose !== ownWorkspace())
        throw new StepError(
          'wrong_workspace',
          'Its file is in another workspace than the one that is at work now. It was not run.',
          { final: true },
        );
      await begin();
      const ran = await runContained(['/bin/sh', '-c', command], {
        cwd: workspace,
        env: { ...env, HOME: workspace },
        timeoutMs: rules.timeout_seconds * 1_000,
        maxOutputBytes: rules.max_output_bytes,
        signal,
      }).catch((error: unknown) => {
        throw new StepError('exec_not_started', `It could not be started: ${String(error)}`, { final: true });
      });
      const output: ExecResult & { duration_ms: number } = {
        exit_code: ran.exitCode,
        signal: ran.signal,
        ended: ran.ended,
        stdout: printable(ran.stdout),
        stderr: printable(ran.stderr),
        truncated: ran.truncated,
        duration_ms: Math.round(ran.durationMs),
      };
      if (ran.ended === 'time_limit')
        throw new StepError(
          'time_limit',
          `It was killed after ${rules.timeout_seconds} s (policy exec_policy).`,
          { final: true, output },
        );
      if (ran.ended === 'aborted')
        throw new StepError(
          'outcome_unknown',
          'It was killed in the middle: how much of it happened is not known.',
          { final: true, output },
        );
      return { output };
    },
  };
}

/** Control characters would be obeyed by a terminal, and take six bytes each in JSON. */
function printable(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, '\uFFFD');
}
