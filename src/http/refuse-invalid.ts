import { z } from '@hono/zod-openapi';
import { AppError } from '../errors.ts';
import { didYouMean } from './did-you-mean.ts';

const MOST_ISSUES = 5;
const WHERE: Record<string, string> = { json: 'body', query: 'query', param: 'path', header: 'header' };

/** An object that refuses members it does not know, and says which ones it has. */
export function strict<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? unknownMembers(issue.keys, known) : undefined),
  });
}

function unknownMembers(keys: string[], known: string[]): string {
  const [first = ''] = keys;
  const meant = didYouMean(first, known);
  const allowed = known.length === 0 ? 'none are known here' : `known are ${known.join(', ')}`;
  return `"${keys.slice(0, MOST_ISSUES).join('", "').slice(0, 200)}" is unknown${meant ? `; did you mean "${meant}"?` : ''} (${allowed})`;
}

type Validated = { target: string } & ({ success: true } | { success: false; error: z.core.$ZodError });

/** What every route does with a request that its schemas refuse. */
export function refuseInvalid(result: Validated): undefined {
  if (result.success) return;
  const where = WHERE[result.target] ?? result.target;
  const issues = result.error.issues.slice(0, MOST_ISSUES).map((issue) => ({
    path: [where, ...issue.path.map(String)].join('.').slice(0, 200),
    message: sentenceOf(issue),
  }));
  throw new AppError(
    'invalid_request',
    `${issues.map(({ path, message }) => `${path}: ${message}`).join('; ')}.`,
    { details: { issues } },
  );
}

function sentenceOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type' && issue.input === undefined && /received undefined/.test(issue.message))
    return issue.expected === 'nonoptional' ? 'is missing' : `is missing; it must be a ${issue.expected}`;
  return issue.message;
}
