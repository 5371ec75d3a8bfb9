import type { Progress } from '../../data/types.ts';
import { Failure } from '../../ui/answer.tsx';
import { sayNumber } from '../../ui/duration.ts';
import styles from './events.module.css';
import type { useVerification } from './use-verification.ts';
import { VerdictWords } from './verdict-words.tsx';

/** How far a verification is, and what came of it. */
export function Verification({ of }: { of: ReturnType<typeof useVerification> }) {
  const { isPending, progress, verdict, isStopped, error } = of;
  return (
    <>
      {isPending && <HowFar progress={progress} />}
      <div role="status">
        {isStopped && <p>Stopped before the end, which says nothing about the log.</p>}
        {verdict && (
          <div className={styles.verdict}>
            <VerdictWords verdict={verdict} />
          </div>
        )}
      </div>
      <Failure error={error} />
    </>
  );
}

function HowFar({ progress }: { progress: Progress | null }) {
  if (progress === null) return <p>Verifying …</p>;
  const { seq, total } = progress;
  return (
    <p className={styles.bar}>
      <progress
        className={styles.progress}
        aria-label="How much of the log is verified"
        value={seq}
        max={Math.max(1, total)}
      />
      <span>
        {sayNumber(seq)} of {sayNumber(total)} events
      </span>
    </p>
  );
}
