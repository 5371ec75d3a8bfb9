import type { Report } from './run.ts';

/** The routes that never did what they are for, with a key that may: a run that shows nothing of them. */
export function wentDeep({ statuses }: Report): string[] {
  return [...statuses].flatMap(([operation, counts]) =>
    [...counts.keys()].some((status) => status >= 200 && status < 300) ? [] : [operation],
  );
}

/** A run for people: what was found, and a table of routes and statuses. */
export function explain({ requests, seed, statuses, offences, slowest }: Report): string {
  const all = [...new Set([...statuses.values()].flatMap((counts) => [...counts.keys()]))].toSorted(
    (a, b) => a - b,
  );
  const width = Math.max(...[...statuses.keys()].map((name) => name.length));
  const cell = (text: string | number) => String(text).padStart(6);
  const lines = [...statuses].map(
    ([name, counts]) =>
      `${name.padEnd(width)}${all.map((status) => cell(counts.get(status) ?? '')).join('')}`,
  );
  const pairs = [...statuses.values()].reduce((sum, counts) => sum + counts.size, 0);
  return [
    `${requests} requests, OPSLOOP_SEED=${seed}: ${pairs} pairs of route and status, slowest ${Math.round(slowest.ms)} ms (${slowest.operation})`,
    `${' '.repeat(width)}${all.map(cell).join('')}`,
    ...lines,
    ...offences.map(({ what, count, curl, answer }) => `\n${count} x ${what}\n  ${curl}\n  ${answer}`),
  ].join('\n');
}
