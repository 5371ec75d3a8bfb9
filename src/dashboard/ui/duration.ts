const UNITS: readonly [string, number][] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
];

/** A span of time in its largest unit, with the next one where the first is small: `2 h 5 min`, `41 s`, `350 ms`. */
export function sayDuration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  const index = UNITS.findIndex(([, size]) => ms >= size);
  const [name, size] = UNITS[index] ?? ['s', 1_000];
  const count = Math.floor(ms / size);
  const next = UNITS[index + 1];
  if (!next || count >= 10) return `${count} ${name}`;
  const rest = Math.floor((ms - count * size) / next[1]);
  return rest === 0 ? `${count} ${name}` : `${count} ${name} ${rest} ${next[0]}`;
}

/** `1,234`, in the form of the viewer's language. */
export function sayNumber(value: number): string {
  return value.toLocaleString();
}

/** `12.3k`, for where there is little room. */
export function sayRoughly(value: number): string {
  return Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 }).format(value);
}

/** "$0.0123": small amounts keep their digits. */
export function sayUsd(amount: number): string {
  return `$${amount.toFixed(amount !== 0 && amount < 1 ? 4 : 2)}`;
}
