import styles from './chart.module.css';
import { sayRoughly } from './duration.ts';
import { exactTime } from './time.tsx';

export type Bar = {
  /** When its span begins. */
  at: string;
  value: number;
  /** The part of it that went wrong, drawn in its own colour. */
  bad?: number;
};

type Props = {
  /** What is shown, and over which time: `Steps completed a minute, last hour`. */
  label: string;
  bars: readonly Bar[];
  /** A figure that says it all, beside the label. */
  figure?: string;
  say?: (value: number) => string;
};

const WIDTH = 300;
const HEIGHT = 56;

/** A small bar chart of some quantity over time. Who cannot see it hears its highest and its last value. */
export function Chart({ label, bars, figure, say = sayRoughly }: Props) {
  const most = Math.max(1, ...bars.map(({ value }) => value));
  const width = WIDTH / Math.max(1, bars.length);
  const last = bars.at(-1)?.value ?? 0;
  const heightOf = (value: number) => (value === 0 ? 0 : Math.max(1.5, (value / most) * HEIGHT));
  return (
    <figure className={styles.chart}>
      <figcaption>
        {label}
        {figure !== undefined && <strong>{figure}</strong>}
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${label}: at most ${say(most)}, last ${say(last)}`}
      >
        <line x1="0" x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} className={styles.axis} />
        {bars.map(({ at, value, bad = 0 }, index) => (
          <g key={at}>
            <title>{`${exactTime(at)}: ${say(value)}${bad > 0 ? `, ${say(bad)} failed` : ''}`}</title>
            <rect x={index * width} y="0" width={width} height={HEIGHT} className={styles.hit} />
            <rect
              x={index * width + width * 0.1}
              y={HEIGHT - heightOf(value)}
              width={width * 0.8}
              height={heightOf(value)}
              className={styles.good}
            />
            <rect
              x={index * width + width * 0.1}
              y={HEIGHT - heightOf(bad)}
              width={width * 0.8}
              height={heightOf(bad)}
              className={styles.bad}
            />
          </g>
        ))}
      </svg>
    </figure>
  );
}
