import { cleanText } from '../../lib/clean-text.ts';
import type { ContainedResult } from '../../lib/run-contained.ts';
import { LlmError, type LlmErrorClass } from '../llm-error.ts';
import type { ConfigOf } from '../schema.ts';
import { type LlmUsage, UNKNOWN_USAGE } from '../types.ts';

/** The exit codes that say something: 75 is "try again later" by convention, the others are the shell's. */
const EXIT_CODES: Record<number, [LlmErrorClass, string]> = {
  75: ['unavailable', 'says that it cannot answer now'],
  126: ['unavailable', 'cannot be run'],
  127: ['unavailable', 'is not there'],
};
const LONGEST_COMPLAINT = 500;

/** What a program printed, as an answer and what it cost. @throws LlmError */
export function readAnswer(
  provider: string,
  config: Pick<ConfigOf<'command'>, 'answer' | 'inputTokens' | 'outputTokens' | 'costUsd'>,
  printed: string,
): { text: string; usage: LlmUsage } {
  if (config.answer === undefined) return { text: printed, usage: UNKNOWN_USAGE };
  const json = parse(printed);
  const answer = at(json, config.answer);
  if (answer === undefined || answer === null)
    throw new LlmError('invalid_output', `${provider} printed no JSON with an answer at ${config.answer}`);
  const count = (pointer: string | undefined) => {
    const value = pointer === undefined ? undefined : at(json, pointer);
    return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;
  };
  return {
    text: typeof answer === 'string' ? answer : JSON.stringify(answer),
    usage: {
      inputTokens: count(config.inputTokens),
      outputTokens: count(config.outputTokens),
      costUsd: count(config.costUsd),
    },
  };
}

/** Why a program ended without an answer, by its exit code and the last it complained of. */
export function explainExit(
  provider: string,
  program: string,
  { exitCode, signal, stderr, stdout }: ContainedResult,
  secrets: string[],
): LlmError {
  const [errorClass, meaning] = EXIT_CODES[exitCode ?? -1] ?? [
    'failed' as const,
    exitCode === null ? `was ended by ${signal ?? 'a signal'}` : `ended with exit code ${exitCode}`,
  ];
  // Some complain on stdout.
  const complaint = tail(secrets.reduce(hide, stderr)) || tail(secrets.reduce(hide, stdout));
  const told = complaint === '' ? '' : `: ${complaint}`;
  return new LlmError(errorClass, `${provider}: ${program} ${meaning}${told}`);
}

function hide(text: string, secret: string): string {
  return text.replaceAll(secret, '[secret]');
}

function tail(text: string): string {
  return cleanText(text.trim().replaceAll(/\s+/g, ' ').slice(-LONGEST_COMPLAINT));
}

/** The whole output, or its last line: some print their progress before it. */
function parse(printed: string): unknown {
  const last = printed.trimEnd().split('\n').at(-1) ?? '';
  for (const text of [printed, last]) {
    try {
      return JSON.parse(text);
    } catch {
      // The last line may be it.
    }
  }
  return undefined;
}

/** What stands at a JSON pointer (RFC 6901). */
function at(json: unknown, pointer: string): unknown {
  return pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>(
      (value, part) =>
        value !== null && typeof value === 'object' && Object.hasOwn(value, part)
          ? (value as Record<string, unknown>)[part]
          : undefined,
      json,
    );
}
