const LONGEST_MS = 24 * 60 * 60_000;

/** The wait a server asks for: Retry-After in seconds or as a date, or `retry-after-ms` of some gateways. */
export function retryAfterMs(
  headers: { get(name: string): string | null },
  now = Date.now(),
): number | undefined {
  const exact = milliseconds(headers.get('retry-after-ms'), 1);
  if (exact !== undefined) return exact;
  const given = headers.get('retry-after');
  const seconds = milliseconds(given, 1000);
  if (seconds !== undefined || given === null) return seconds;
  const date = Date.parse(given);
  return Number.isNaN(date) ? undefined : clamp(date - now);
}

function milliseconds(given: string | null, unit: number): number | undefined {
  if (given === null || !/^\s*\d+(\.\d+)?\s*$/.test(given)) return undefined;
  return clamp(Number(given) * unit);
}

function clamp(wait: number): number {
  return Math.min(Math.max(Math.ceil(wait), 0), LONGEST_MS);
}
