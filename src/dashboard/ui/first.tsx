import { type ReactNode, useState } from 'react';
import { Button } from './button.tsx';

type Props<Row> = {
  rows: readonly Row[];
  most: number;
  what: string;
  children: (rows: readonly Row[]) => ReactNode;
};

/** The first rows of many; all of them when asked for. */
export function First<Row>({ rows, most, what, children }: Props<Row>) {
  const [all, setAll] = useState(false);
  const hidden = rows.length - most;
  return (
    <>
      {children(all ? rows : rows.slice(0, most))}
      {hidden > 0 && (
        <Button look="quiet" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? 'Show fewer' : `Show ${hidden} more ${what}`}
        </Button>
      )}
    </>
  );
}
