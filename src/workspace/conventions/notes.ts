import { visible } from '../../lib/visible.ts';

/** What the workspace says to people in files of `outputs/`. */

export type Pending = {
  proposalId: string;
  form: 'task' | 'goal' | 'exec';
  text: string;
  digest: string;
  reason: string;
  /** The file whose answer asked for it; null for a person's. */
  parent: string | null;
  /** Null where policy does not let files approve. */
  approvalFile: string | null;
};

export function pendingNote(given: Pending): string {
  const { proposalId, form, text, digest, reason, parent, approvalFile } = given;
  const ways = [
    ...(approvalFile === null
      ? []
      : [`- create the file \`${approvalFile}\` (its time must be after this note's)`]),
    `- \`opsloop approve ${proposalId}\``,
    `- \`POST /api/ops/proposals/${proposalId}/approve\``,
  ];
  return `# PENDING APPROVAL

${form === 'exec' ? 'This command' : 'This task'} waits for an operator: ${reason}
${parent === null ? '' : `\nNobody wrote it: the answer to \`${parent}\` asked for it.\n`}
To approve it, one of:

${ways.join('\n')}

To reject it: \`opsloop reject ${proposalId}\`

${form === 'exec' ? 'CMD:' : 'TASK:'}

${fenced(visible(text))}

SHA-256 of the file: ${digest}
`;
}

export type ExecResult = {
  exit_code: number | null;
  signal: string | null;
  ended: string;
  stdout: string;
  stderr: string;
  truncated: boolean;
};

export function execNote(command: string, result: ExecResult): string {
  const how = result.signal === null ? '' : ` (${result.ended}, ${result.signal})`;
  const output = [result.stdout, result.stderr].filter((text) => text !== '').join('\n');
  return `CMD: ${visible(command)}
EXIT_CODE: ${result.exit_code ?? 'none'}${how}
OUTPUT:
${output}${result.truncated ? '\n[what came after this was longer than allowed and was not kept]' : ''}
`;
}

export function failedNote(given: {
  name: string;
  reason: string;
  proposalId: string | null;
  text: string;
}): string {
  const retry =
    given.proposalId === null
      ? ''
      : `\nMore about it: \`opsloop show ${given.proposalId}\`, \`opsloop why ${given.proposalId}\`\n`;
  return `# FAILED: ${given.name}

${given.reason}
${retry}
The task, unchanged, is in \`inbox/${given.name}.failed\`${given.text === '' ? '.' : ':'}
${given.text === '' ? '' : `\n${fenced(given.text)}\n`}`;
}

/** A fence longer than any in the text, so that the text cannot end it. */
function fenced(text: string): string {
  let longest = 2;
  for (const [run] of text.matchAll(/`+/g)) longest = Math.max(longest, run.length);
  const fence = '`'.repeat(longest + 1);
  return `${fence}\n${text}\n${fence}`;
}
