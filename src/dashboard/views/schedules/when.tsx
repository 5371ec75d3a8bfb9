import { sayDuration } from '../../ui/duration.ts';
import type { Schedule } from './queries.ts';
import styles from './when.module.css';
import { wallTime } from './words.ts';

/** `0 8 * * 1-5 Europe/Berlin`, `every 15 min`, `once, Thu, 24 Dec 2026, 12:00:00 CET` */
export function When({ schedule: { cron, every_seconds, at, timezone } }: { schedule: Schedule }) {
  if (cron !== null)
    return (
      <>
        <code className={styles.cron}>{cron}</code> {timezone}
      </>
    );
  if (every_seconds !== null) return `every ${sayDuration(every_seconds * 1_000)}`;
  return at === null ? null : `once, ${wallTime(at, timezone)}`;
}
