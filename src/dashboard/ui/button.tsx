import { type ButtonHTMLAttributes, useId } from 'react';
import { useRefusal } from '../data/me.ts';
import type { Scope } from '../data/types.ts';
import styles from './button.module.css';

type Props = Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'disabled' | 'type'> & {
  look?: 'plain' | 'primary' | 'danger' | 'quiet';
  /** Why it cannot be used now; it stays reachable, so that everybody can learn why. */
  refusal?: string | null;
  busy?: boolean;
  submit?: boolean;
};

export function Button({
  look = 'plain',
  refusal = null,
  busy = false,
  submit,
  onClick,
  children,
  ...rest
}: Props) {
  const why = useId();
  return (
    <>
      <button
        {...rest}
        type={submit ? 'submit' : 'button'}
        className={styles.button}
        data-look={look}
        aria-disabled={refusal !== null || busy || undefined}
        aria-busy={busy || undefined}
        aria-describedby={refusal === null ? rest['aria-describedby'] : why}
        title={refusal ?? rest.title}
        onClick={(event) => {
          if (refusal !== null || busy) return event.preventDefault();
          onClick?.(event);
        }}
      >
        {children}
      </button>
      {refusal !== null && (
        <span id={why} hidden>
          {refusal}
        </span>
      )}
    </>
  );
}

/** A button for what needs a scope: without it, it says so. */
export function ScopedButton({ scope, refusal = null, ...rest }: Props & { scope: Scope }) {
  return <Button {...rest} refusal={useRefusal(scope) ?? refusal} />;
}
