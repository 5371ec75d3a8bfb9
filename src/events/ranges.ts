/** Ids as ranges, the end not included, in order and apart: a million ids in a row are one range. */
export type Range = { from: number; to: number };
export type Ranges = Range[];

/** PostgreSQL's text of an int8multirange; null for what is none, or has no end. */
export function parseRanges(text: string): Ranges | null {
  const ranges: Ranges = [];
  const inner = /^\{(.*)\}$/.exec(text)?.[1];
  if (inner === undefined) return null;
  for (const [, from, to] of inner.matchAll(/\[(-?\d+),(-?\d+)\)/g))
    ranges.push({ from: Number(from), to: Number(to) });
  return formatRanges(ranges) === text && isOrdered(ranges) ? ranges : null;
}

export function formatRanges(ranges: Ranges): string {
  return `{${ranges.map(({ from, to }) => `[${from},${to})`).join(',')}}`;
}

function isOrdered(ranges: Ranges): boolean {
  return ranges.every((range, at) => range.from < range.to && range.from > (ranges[at - 1]?.to ?? -Infinity));
}

/** @param ids in any order, without repetition */
export function rangesOf(ids: readonly number[]): Ranges {
  const ranges: Ranges = [];
  for (const id of ids.toSorted((a, b) => a - b)) addRange(ranges, { from: id, to: id + 1 });
  return ranges;
}

export function sizeOf(ranges: Ranges): number {
  return ranges.reduce((sum, { from, to }) => sum + to - from, 0);
}

/** Where the first range that ends after `id` stands. */
function placeOf(ranges: Ranges, id: number): number {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[middle]?.to ?? 0) > id) high = middle;
    else low = middle + 1;
  }
  return low;
}

export function has(ranges: Ranges, id: number): boolean {
  const range = ranges[placeOf(ranges, id)];
  return range !== undefined && range.from <= id;
}

/** Adds in place, joining what touches. Cheap at the end, where nearly all new ids are. */
export function addRange(ranges: Ranges, { from, to }: Range): void {
  const first = placeOf(ranges, from - 1);
  let end = first;
  const joined = { from, to };
  for (let next = ranges[end]; next !== undefined && next.from <= to; next = ranges[++end]) {
    joined.from = Math.min(joined.from, next.from);
    joined.to = Math.max(joined.to, next.to);
  }
  ranges.splice(first, end - first, joined);
}

/** What of the range is in none of `ranges`. */
export function without(range: Range, ranges: Ranges): Ranges {
  const left: Ranges = [];
  let { from } = range;
  for (let at = placeOf(ranges, from); from < range.to; at++) {
    const next = ranges[at];
    const to = Math.min(next?.from ?? range.to, range.to);
    if (from < to) left.push({ from, to });
    if (next === undefined) break;
    from = Math.max(from, next.to);
  }
  return left;
}

/** What of the range is in `ranges` too. */
export function within(range: Range, ranges: Ranges): Ranges {
  const found: Ranges = [];
  for (let at = placeOf(ranges, range.from); at < ranges.length; at++) {
    const next = ranges[at];
    if (next === undefined || next.from >= range.to) break;
    found.push({ from: Math.max(next.from, range.from), to: Math.min(next.to, range.to) });
  }
  return found;
}

/** Forgets in place what lies below `id`. */
export function dropBelow(ranges: Ranges, id: number): void {
  ranges.splice(0, placeOf(ranges, id - 1));
  const first = ranges[0];
  if (first !== undefined && first.from < id) {
    if (first.to <= id) ranges.shift();
    else ranges[0] = { from: id, to: first.to };
  }
}
