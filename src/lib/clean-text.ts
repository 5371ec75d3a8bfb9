const REPLACEMENT = '\uFFFD';

/**
 * PostgreSQL refuses NUL in text and in jsonb, and UTF-8 has no lone surrogates; both become U+FFFD, so
 * that what a model or a user wrote can always be stored.
 */
export function cleanText(text: string): string {
  return text.replaceAll('\0', REPLACEMENT).replaceAll(/\p{Surrogate}/gu, REPLACEMENT);
}

/** The same for every string in a JSON value, names of members included. */
export function cleanJson(value: unknown): unknown {
  if (typeof value === 'string') return cleanText(value);
  if (Array.isArray(value)) return value.map(cleanJson);
  if (value === null || typeof value !== 'object') return value;
  // Entries and not assignment: a member named __proto__ stays a member.
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [cleanText(name), cleanJson(each)]));
}
