import { number } from './report.mjs';

/** The tables that are drawn. `measure` picks rows where a table has several for each participant. */
const PANELS = [
  { id: 'drain-batched', title: 'Drain, batches on' },
  { id: 'drain-single', title: 'Drain, one at a time' },
  { id: 'load-70', title: 'Wait for the start at 70 % of the own maximum, p99', measure: /^p99$/ },
  { id: 'snapshot-claim', title: 'Time of a claim at 800 steps/s, p99', measure: /^p99, / },
];
const WIDTH = 760;
const LABEL = 250;
const VALUE = 110;
const BAR = 16;
const ROW = 24;
const HEAD = 52;
const MARGIN = 20;

/** The colours of both modes; the picture follows whoever looks at it. */
const STYLE = `
  .ground { fill: #ffffff } text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 15px } .unit { fill: #59636e }
  .ours { fill: #1a7f64 } .other { fill: #9aa4af } .spread { stroke: #1f2328; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117 } text { fill: #e6edf3 } .unit { fill: #9198a1 }
    .ours { fill: #3fb68f } .other { fill: #59636e } .spread { stroke: #e6edf3 }
  }`;

/** Bars of each participant, with the spread over the rounds as a line, for the tables that say the most. */
export function picture({ machine, results }) {
  const panels = PANELS.flatMap((panel) => {
    const result = results.find(({ id }) => id === panel.id);
    const rows = result?.rows.filter((row) => panel.measure?.test(row.measure) ?? true) ?? [];
    return rows.length > 0 ? [{ ...panel, result, rows }] : [];
  });
  let top = MARGIN;
  const drawn = panels.map((panel) => {
    const text = draw(panel, top);
    top += HEAD + panel.rows.length * ROW + MARGIN;
    return text;
  });
  const note = `${machine.date}, ${machine.cores} x ${machine.cpu}, PostgreSQL ${machine.postgres.server_version}, Node ${machine.node}`;
  const foot = words(MARGIN, top + 8, note, 'unit');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top + 28}" width="${WIDTH}" role="img">
<title>opsloop beside graphile-worker and pg-boss</title>
<style>${STYLE}</style>
<rect class="ground" width="100%" height="100%"/>
${[...drawn, foot].join('\n')}
</svg>
`;
}

function draw({ title, result, rows }, top) {
  const most = Math.max(...rows.map((row) => row.result.max));
  const scale = (value) => (value / most) * (WIDTH - 2 * MARGIN - LABEL - VALUE);
  const left = MARGIN + LABEL;
  const bars = rows.map((row, i) => {
    const y = top + HEAD + i * ROW;
    const { median, min, max } = row.result;
    const kind = /^(opsloop|snapshot held)/.test(row.participant) ? 'ours' : 'other';
    // Rows that differ in more than the participant say so.
    const rest = row.measure?.replace(/^p99(, )?/, '');
    return [
      words(MARGIN, y + 13, rest ? `${row.participant}, ${rest}` : row.participant),
      `<rect class="${kind}" x="${left}" y="${y}" width="${scale(median).toFixed(1)}" height="${BAR}" rx="2"/>`,
      line(left + scale(min), left + scale(max), y + BAR / 2),
      words(left + scale(max) + 8, y + 13, number(median)),
    ].join('\n');
  });
  return [
    words(MARGIN, top + 16, title, 'title'),
    words(
      MARGIN,
      top + 36,
      [`${result.unit}, ${result.better} is better.`, result.note ?? ''].join(' '),
      'unit',
    ),
    ...bars,
  ].join('\n');
}

const line = (from, to, y) =>
  to - from < 1
    ? ''
    : `<line class="spread" x1="${from.toFixed(1)}" x2="${to.toFixed(1)}" y1="${y}" y2="${y}"/>`;

const words = (x, y, text, name) =>
  `<text x="${x.toFixed(1)}" y="${y}"${name ? ` class="${name}"` : ''}>${escapeXml(text)}</text>`;

const escapeXml = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
