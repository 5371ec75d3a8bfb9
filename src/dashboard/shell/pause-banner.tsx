import { useMutation, useQuery } from '@tanstack/react-query';
import { api, read } from '../data/client.ts';
import { healthQuery } from '../data/health.ts';
import { Failure } from '../ui/answer.tsx';
import { ScopedButton } from '../ui/button.tsx';
import styles from './shell.module.css';

/** While everything is paused, every view says so. */
export function PauseBanner() {
  const { data } = useQuery(healthQuery);
  const resuming = useMutation({ mutationFn: () => read(api.resume.$post({ json: {} })) });
  if (!data?.paused.enabled) return null;
  return (
    <div className={styles.banner} role="status">
      <span>Everything is paused: no step begins.</span>
      <ScopedButton scope="admin" busy={resuming.isPending} onClick={() => resuming.mutate()}>
        Resume
      </ScopedButton>
      <Failure error={resuming.error} />
    </div>
  );
}
