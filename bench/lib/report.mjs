/** The middle of a list of numbers, and how far its ends are apart. */
export function summary(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted.at(-1) };
}

/** `count`, `p50`, `p99`, `p999` and `max` of a list. */
export function percentiles(values) {
  const sorted = Float64Array.from(values).sort();
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), p999: at(0.999), max: sorted.at(-1) };
}

export function number(value) {
  if (Number.isInteger(value) || value >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(value < 1 ? 3 : 2);
}

const COLUMNS = ['participant', 'measure', 'median', 'spread', 'ratio', 'keeps'];

/** A table as texts: per row the median, the spread over the rounds, and the ratio to ours. No column is empty. */
export function cells({ unit, better, rows }) {
  const lines = rows.map((row) => ({
    participant: row.participant,
    measure: row.measure ?? '',
    median: number(row.result.median),
    spread: `${number(row.result.min)} to ${number(row.result.max)}`,
    ratio: ratio(rows, row, better),
    keeps: row.keeps ?? '',
  }));
  const head = {
    participant: '',
    measure: '',
    median: unit,
    spread: 'spread',
    ratio: 'opsloop is',
    keeps: 'keeps',
  };
  const used = COLUMNS.filter((name) => lines.some((line) => line[name] !== ''));
  return {
    right: used.map((name) => !['participant', 'measure', 'keeps'].includes(name)),
    lines: [head, ...lines].map((line) => used.map((name) => line[name])),
  };
}

/** Above 1 opsloop is better, whatever is better. */
function ratio(rows, row, better) {
  const ours = rows.find((one) => one.participant === 'opsloop' && one.measure === row.measure);
  if (!ours || ours === row) return '';
  const [a, b] = [ours.result.median, row.result.median];
  const times = better === 'more' ? a / b : b / a;
  return Number.isFinite(times) ? `${times.toFixed(2)} x` : '';
}

/** One table for a terminal. */
export function table(result) {
  const { right, lines } = cells(result);
  const widths = right.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const text = lines.map((line) =>
    line
      .map((cell, i) => (right[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join('  ')
      .trimEnd(),
  );
  const note = result.note ? `\n${result.note}` : '';
  return `\n${result.title} (${result.better} is better)${note}\n${text.join('\n')}\n`;
}
