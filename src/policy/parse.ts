import { AppError } from '../errors.ts';
import { POLICY_KEYS, POLICY_SCHEMAS, type Policy, type PolicyKey } from './schema.ts';

/**
 * The whole policy, checked. A key that is missing or unreadable makes every decision impossible, and that
 * is said aloud: a gate that cannot decide refuses.
 * @throws AppError config_invalid
 */
export function parsePolicy(values: Record<string, unknown>): Policy {
  return Object.fromEntries(POLICY_KEYS.map((key) => [key, parsePolicyKey(key, values[key])])) as Policy;
}

/** One key's value, checked. @throws AppError policy_unreadable */
export function parsePolicyKey<Key extends PolicyKey>(key: Key, value: unknown): Policy[Key] {
  const parsed = POLICY_SCHEMAS[key].safeParse(value);
  if (parsed.success) return parsed.data as Policy[Key];
  throw new AppError(
    'policy_unreadable',
    `The policy ${key} in the database is ${value === undefined ? 'missing' : 'not valid'}, so nothing that depends on it can be decided. Set it with \`opsloop policy set ${key}\`.`,
    { details: { key }, retryAfter: 30 },
  );
}
