import { useMe } from '../data/me.ts';
import { useStore } from '../data/store.ts';
import { Since } from '../ui/time.tsx';
import styles from './shell.module.css';

/** Whether what is shown is what is. */
export function LiveMark() {
  const state = useStore(useMe().live.state);
  return (
    <p className={styles.mark} data-is={state.is} role="status">
      <span className={styles.dot} aria-hidden="true" />
      {state.is === 'live' && 'Live'}
      {state.is === 'connecting' && 'Connecting …'}
      {state.is === 'hidden' && 'Resting'}
      {state.is === 'stale' && (
        <span>
          Stale for <Since at={new Date(state.since).toISOString()} />: {state.why}
        </span>
      )}
      {state.is === 'refused' && `Not live: ${state.why}`}
    </p>
  );
}
