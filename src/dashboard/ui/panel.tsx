import { type ReactNode, useEffect, useId } from 'react';
import { visible } from '../../lib/visible.ts';
import styles from './panel.module.css';

/** A view: its one heading, what can be done, and its parts. The heading names the tab as well. */
export function Page({
  title,
  actions,
  children,
}: {
  title: string;
  actions?: ReactNode;
  children: ReactNode;
}) {
  useEffect(() => {
    document.title = `${visible(title)} · opsloop`;
  }, [title]);
  return (
    <>
      <header className={styles.head}>
        <h1>{visible(title)}</h1>
        {actions && <div className={styles.actions}>{actions}</div>}
      </header>
      {children}
    </>
  );
}

type PanelProps = { title: ReactNode; actions?: ReactNode; children: ReactNode; label?: string };

/** One part of a view. */
export function Panel({ title, actions, children, label }: PanelProps) {
  const id = useId();
  return (
    <section className={styles.panel} aria-labelledby={label ? undefined : id} aria-label={label}>
      <header className={styles.panelHead}>
        <h2 id={id}>{title}</h2>
        {actions && <div className={styles.actions}>{actions}</div>}
      </header>
      {children}
    </section>
  );
}

/** Parts beside each other where there is room. */
export function Columns({ children }: { children: ReactNode }) {
  return <div className={styles.columns}>{children}</div>;
}
