import { useMutation, useQuery } from '@tanstack/react-query';
import { healthQuery } from '../data/health.ts';
import { resuming } from '../data/pausing.ts';
import { Failure } from '../ui/answer.tsx';
import { ScopedButton } from '../ui/button.tsx';
import styles from './shell.module.css';

/** While everything is paused, every view says so. */
export function PauseBanner() {
  const { data } = useQuery(healthQuery);
  const resume = useMutation(resuming);
  if (!data?.paused.enabled) return null;
  return (
    <div className={styles.banner} role="status">
      <span>Everything is paused: no step begins.</span>
      <ScopedButton scope="admin" busy={resume.isPending} onClick={() => resume.mutate(null)}>
        Resume
      </ScopedButton>
      <Failure error={resume.error} />
    </div>
  );
}
