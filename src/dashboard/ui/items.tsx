import type { ReactNode } from 'react';
import styles from './items.module.css';
import type { Tone } from './vocabulary.ts';

/** A list of things to look at, each a block with a first line and what is to be known of it. */
export function Items({ children }: { children: ReactNode[] }) {
  if (children.length === 0) return null;
  return <ul className={styles.items}>{children}</ul>;
}

export function Item({ tone = 'plain', children }: { tone?: Tone; children: ReactNode }) {
  return (
    <li className={styles.item} data-tone={tone}>
      {children}
    </li>
  );
}
