import { useMe } from '../data/me.ts';
import { signOut } from '../data/sign-in.ts';
import { Button } from '../ui/button.tsx';
import { Time } from '../ui/time.tsx';
import styles from './shell.module.css';

/** Whose key this browser stands for, and the way out. */
export function Account() {
  const { name, key_id, scopes, expires_at, version } = useMe().session;
  return (
    <details className={styles.account}>
      <summary>{name}</summary>
      <div className={styles.menu}>
        <p>
          Key <code>{key_id}</code>
        </p>
        <p>It may {scopes.join(', ')}.</p>
        {expires_at !== null && (
          <p>
            The session ends <Time at={expires_at} />.
          </p>
        )}
        <p>opsloop {version}</p>
        <Button onClick={() => void signOut()}>Sign out</Button>
      </div>
    </details>
  );
}
