/** The middle of a list of numbers, and how far its ends are apart. */
export function summary(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted.at(-1) };
}

export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

const number = (value) => (value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(2));

/** One cell as lines of a table: per participant the median, the spread over the rounds, and the ratio to ours. */
export function table({ title, unit, better, rows }) {
  const ours = rows.find((row) => row.participant === 'opsloop');
  const lines = rows.map((row) => {
    const { median, min, max } = row.result;
    const ratio =
      ours && row !== ours
        ? better === 'more'
          ? ours.result.median / median
          : median / ours.result.median
        : null;
    return [
      row.participant,
      number(median),
      `${number(min)} to ${number(max)}`,
      ratio === null ? '' : `${ratio.toFixed(2)} x`,
      row.keeps ?? '',
    ];
  });
  const all = [['', unit, 'spread', 'opsloop is', 'keeps'], ...lines];
  const widths = all[0].map((_, column) => Math.max(...all.map((line) => line[column].length)));
  const text = all.map((line) =>
    line
      .map((cell, i) => (i === 0 || i === 4 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join('  ')
      .trimEnd(),
  );
  return `\n${title} (${better} is better)\n${text.join('\n')}\n`;
}
