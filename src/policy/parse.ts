import { AppError } from '../errors.ts';
import { POLICY_KEYS, POLICY_SCHEMAS, type Policy } from './schema.ts';

/**
 * The whole policy, checked. A key that is missing or unreadable makes every decision impossible, and that
 * is said aloud: a gate that cannot decide refuses.
 * @throws AppError config_invalid
 */
export function parsePolicy(values: Record<string, unknown>): Policy {
  const entries = POLICY_KEYS.map((key) => {
    const parsed = POLICY_SCHEMAS[key].safeParse(values[key]);
    if (parsed.success) return [key, parsed.data];
    const state = Object.hasOwn(values, key) ? 'not valid' : 'missing';
    throw new AppError(
      'policy_unreadable',
      `The policy ${key} in the database is ${state}, so nothing can be decided. Set it with \`opsloop policy set ${key}\`.`,
      { details: { key }, retryAfter: 30 },
    );
  });
  return Object.fromEntries(entries) as Policy;
}
