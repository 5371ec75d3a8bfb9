import type { UseQueryResult } from '@tanstack/react-query';
import { AppError } from 'opsloop/client';
import type { ReactNode } from 'react';
import { sayError } from '../data/client.ts';
import styles from './answer.module.css';
import { Button } from './button.tsx';

type Props<Data> = {
  of: Pick<UseQueryResult<Data>, 'data' | 'error' | 'isFetching' | 'refetch'>;
  /** What it is, for "The proposals could not be read". */
  what: string;
  children: (data: Data) => ReactNode;
};

/** What the server answered; while it has not, that; when it could not, why and what to do. */
export function Answer<Data>({ of, what, children }: Props<Data>) {
  const { data, error, refetch, isFetching } = of;
  return (
    <>
      {error && (
        <div role="alert" className={styles.error}>
          <p>
            The {what} could not be read: {sayError(error)}
          </p>
          {canHelp(error) && (
            <Button busy={isFetching} onClick={() => void refetch()}>
              Try again
            </Button>
          )}
        </div>
      )}
      {data !== undefined && children(data)}
      {data === undefined && !error && (
        <p className={styles.loading} role="status">
          Reading the {what} …
        </p>
      )}
    </>
  );
}

/** Nothing is there: why that is so, and what to do next. */
export function Empty({ children }: { children: ReactNode }) {
  return <p className={styles.empty}>{children}</p>;
}

/** Something went wrong with what somebody just did. */
export function Failure({ error }: { error: unknown }) {
  if (!error) return null;
  return (
    <p role="alert" className={styles.error}>
      {sayError(error)}
      {error instanceof AppError &&
        error.code === 'server_unavailable' &&
        ' Whether it was done is not known: look before you do it again.'}
    </p>
  );
}

/** What the server refuses for a reason it refuses again. */
function canHelp(error: unknown): boolean {
  return !(error instanceof AppError) || error.status >= 500 || error.code === 'rate_limited';
}
