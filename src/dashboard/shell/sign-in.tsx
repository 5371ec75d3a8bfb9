import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { signIn } from '../data/sign-in.ts';
import { Failure } from '../ui/answer.tsx';
import { Button } from '../ui/button.tsx';
import { TextField } from '../ui/field.tsx';
import { Page } from '../ui/panel.tsx';
import styles from './sign-in.module.css';

export function SignIn({ why }: { why: string | null }) {
  const [text, setText] = useState('');
  const opening = useMutation({ mutationFn: signIn });
  return (
    <main className={styles.page}>
      <Page title="Sign in to opsloop">
        {why !== null && (
          <p role="status" className={styles.why}>
            {why}
          </p>
        )}
        <p>
          On the machine of the server, run <code>npx opsloop open</code>. It opens this page with a code that
          signs you in once, within a minute.
        </p>
        <form
          className={styles.form}
          onSubmit={(event) => {
            event.preventDefault();
            opening.mutate(text);
          }}
        >
          <TextField
            label="Or a key"
            hint="An API key, as `opsloop keys create` prints it. It is exchanged for a session of 7 days and not kept."
            type="password"
            autoComplete="off"
            required
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
          <Failure error={opening.error} />
          <Button submit look="primary" busy={opening.isPending}>
            Sign in
          </Button>
        </form>
      </Page>
    </main>
  );
}
