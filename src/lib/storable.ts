/**
 * What PostgreSQL can store and every reader can read back. Text with NUL is refused by PostgreSQL, a lone
 * surrogate by jsonb; deep JSON breaks JSON.stringify, and numbers beyond a double come back changed.
 */
export type StorableLimits = { maxDepth: number; maxStringLength: number; maxEntries: number };

export const REQUEST_LIMITS: StorableLimits = {
  maxDepth: 32,
  maxStringLength: 1_000_000,
  maxEntries: 20_000,
};

/** The first thing in a parsed JSON value that cannot be stored, as a sentence; null when all can. */
export function findUnstorable(value: unknown, limits: StorableLimits = REQUEST_LIMITS): string | null {
  let entries = 0;

  const visit = (item: unknown, path: string, depth: number): string | null => {
    if (depth > limits.maxDepth)
      return `${path.slice(0, 60)} is nested deeper than ${limits.maxDepth} levels`;
    if (++entries > limits.maxEntries) return `it has more than ${limits.maxEntries} values`;
    if (typeof item === 'string') return unstorableText(item, path, limits);
    if (typeof item === 'number') return unstorableNumber(item, path);
    if (typeof item !== 'object' || item === null) return null;
    for (const [key, child] of Object.entries(item)) {
      const badKey = unstorableText(key, `a key in ${path}`, limits);
      const problem =
        badKey ?? visit(child, `${path}${Array.isArray(item) ? `[${key}]` : `.${key}`}`, depth + 1);
      if (problem) return problem;
    }
    return null;
  };
  return visit(value, '$', 1);
}

function unstorableText(text: string, path: string, limits: StorableLimits): string | null {
  if (text.length > limits.maxStringLength)
    return `${path} is longer than ${limits.maxStringLength} characters`;
  if (text.includes('\0')) return `${path} contains the character NUL (U+0000)`;
  if (!text.isWellFormed()) return `${path} contains half of a surrogate pair`;
  return null;
}

function unstorableNumber(number: number, path: string): string | null {
  if (!Number.isFinite(number)) return `${path} is a number too large to keep`;
  if (Number.isInteger(number) && !Number.isSafeInteger(number)) {
    return `${path} is an integer beyond ±9007199254740991, which would lose digits; send it as a string`;
  }
  return null;
}

/**
 * Where a member is named `__proto__`, which is data to JSON and a trapdoor to code that copies objects; null: nowhere.
 */
export function findPrototypeKey(value: unknown): string[] | null {
  if (typeof value !== 'object' || value === null) return null;
  if (Object.hasOwn(value, '__proto__')) return ['__proto__'];
  for (const [key, child] of Object.entries(value)) {
    const path = findPrototypeKey(child);
    if (path) return [key, ...path];
  }
  return null;
}

/**
 * How deep a value is nested, counted up to one more than `most`. Without recursion, because what is too deep would
 * overflow the stack.
 */
export function depthOf(value: unknown, most: number): number {
  let depth = 0;
  let level = [value];
  while (level.length > 0 && depth <= most) {
    depth++;
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? Object.values(item) : []));
  }
  return depth;
}
