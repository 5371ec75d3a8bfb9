import { LANES } from '../plan.ts';
import type { Report } from './report.ts';

const WIDTH = 1_000;
const LEFT = 60;
const CHART = 180;
const TOP = 50;
/** Faults of one lane stand in rows under each other, so that their names can be read. */
const ROWS = 4;
const ROW = 16;
const LANE = ROWS * ROW + 20;
const STEP_SECONDS = 1;

/** The colours of both modes; the picture follows whoever looks at it. */
const STYLE = `
  .ground { fill: #ffffff } text { font: 11px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 15px } .note { fill: #59636e }
  .line { fill: none; stroke: #1a7f64; stroke-width: 1.5 } .area { fill: #1a7f64; opacity: .2 } .axis { stroke: #9aa4af }
  .processes { fill: #cf5c36 } .database { fill: #3a6ea5 } .surroundings { fill: #8a6bbf } .mark { opacity: .07 }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117 } text { fill: #e6edf3 } .note { fill: #9198a1 } .line { stroke: #3fb68f } .area { fill: #3fb68f }
  }`;

/** Steps that were completed in every second, with the faults under it. */
export function picture(report: Report): string {
  const { startedAt, struck, verdict } = report;
  const times = verdict.facts.log
    .filter(({ kind }) => kind === 'step.completed')
    .map(({ created_at }) => (created_at.getTime() - startedAt) / 1_000);
  const end = Math.ceil(Math.max(report.minutes * 60, ...times.slice(-1))) + 1;
  const bins = Array.from({ length: Math.ceil(end / STEP_SECONDS) }, () => 0);
  for (const time of times) {
    const bin = Math.max(0, Math.floor(time / STEP_SECONDS));
    bins[bin] = (bins[bin] ?? 0) + 1;
  }
  const most = Math.max(1, ...bins);
  const x = (second: number) => LEFT + (second / end) * (WIDTH - LEFT - 10);
  const y = (count: number) => TOP + CHART - (count / most) * CHART;
  const points = bins.map((count, n) => `${x(n * STEP_SECONDS).toFixed(1)},${y(count).toFixed(1)}`);
  const base = TOP + CHART;
  const height = base + 30 + LANES.length * LANE;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" role="img">
<title>Steps completed per second while faults strike</title>
<style>${STYLE}</style>
<rect class="ground" width="100%" height="100%"/>
${text(LEFT, 20, 'Steps completed per second while faults strike', 'title')}
${text(LEFT, 37, `seed ${report.seed}, ${report.minutes} minutes; every fault with its name below, from its begin to its end`, 'note')}
${LANES.flatMap((lane) =>
  marks(
    struck.filter((one) => one.lane === lane),
    lane,
    { x, startedAt, base },
  ),
).join('\n')}
<path class="area" d="M${LEFT},${base} L${points.join(' L')} L${x(end)},${base} Z"/>
<polyline class="line" points="${points.join(' ')}"/>
<line class="axis" x1="${LEFT}" x2="${WIDTH - 10}" y1="${base}" y2="${base}"/>
${text(LEFT - 8, TOP + 8, String(most), 'note', 'end')}${text(LEFT - 8, base, '0', 'note', 'end')}
${minutesOf(end)
  .map((minute) => text(x(minute * 60), base + 14, `${minute} min`, 'note'))
  .join('')}
</svg>
`;
}

type Scale = { x(second: number): number; startedAt: number; base: number };

function marks(
  struck: Report['struck'],
  lane: (typeof LANES)[number],
  { x, startedAt, base }: Scale,
): string[] {
  const top = base + 30 + LANES.indexOf(lane) * LANE;
  return struck.map((fault, n) => {
    const from = x((fault.beganAt - startedAt) / 1_000);
    const width = Math.max(2, x((fault.endedAt - startedAt) / 1_000) - from);
    const at = top + (n % ROWS) * ROW;
    return [
      `<rect class="${lane} mark" x="${from.toFixed(1)}" y="${TOP}" width="${width.toFixed(1)}" height="${CHART}"/>`,
      `<rect class="${lane}" x="${from.toFixed(1)}" y="${at}" width="${width.toFixed(1)}" height="4"/>`,
      text(from, at + 14, fault.name),
    ].join('');
  });
}

const minutesOf = (end: number) => Array.from({ length: Math.floor(end / 60) + 1 }, (_, n) => n);

const text = (x: number, y: number, words: string, name = '', anchor = 'start') =>
  `<text x="${x.toFixed(1)}" y="${y}" class="${name}" text-anchor="${anchor}">${words.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</text>`;
