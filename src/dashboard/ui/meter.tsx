import { sayRoughly } from './duration.ts';
import styles from './meter.module.css';

/** How much of a limit is used. */
export function Meter({ label, used, limit }: { label: string; used: number; limit: number }) {
  return (
    <div className={styles.meter}>
      <span>{label}</span>
      <span>
        {sayRoughly(used)} of {sayRoughly(limit)}
      </span>
      <meter
        aria-label={label}
        min={0}
        max={Math.max(1, limit)}
        high={Math.max(1, limit) * 0.8}
        value={used}
      />
    </div>
  );
}
