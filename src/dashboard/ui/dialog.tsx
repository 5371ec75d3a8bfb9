import { type FormEvent, type ReactNode, useEffect, useId, useRef } from 'react';
import { Failure } from './answer.tsx';
import { Button } from './button.tsx';
import styles from './dialog.module.css';

type Props = {
  title: string;
  /** The word on the button that does it. */
  verb: string;
  danger?: boolean;
  busy?: boolean;
  error?: unknown;
  refusal?: string | null;
  /** Something would be lost: Escape does not close it, only its buttons do. */
  guard?: boolean;
  onSubmit: () => void;
  onClose: () => void;
  children: ReactNode;
};

/**
 * Asks once, and says what will happen. The browser's own modal dialog: it keeps the focus, gives it back, and closes
 * with Escape. It is open as long as it is drawn.
 */
export function Dialog(props: Props) {
  const { title, verb, danger, busy, error, refusal, guard, onSubmit, onClose, children } = props;
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    ref.current?.showModal();
    // A dialog that is no longer drawn was not closed, so the browser does not give the focus back.
    return () => {
      if (document.activeElement === document.body && before instanceof HTMLElement) before.focus();
    };
  }, []);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!busy && !refusal) onSubmit();
  };
  return (
    <dialog
      ref={ref}
      className={styles.dialog}
      aria-labelledby={id}
      onClose={onClose}
      onCancel={(event) => guard && event.preventDefault()}
    >
      <form onSubmit={submit}>
        <h2 id={id}>{title}</h2>
        <div className={styles.body}>{children}</div>
        <Failure error={error} />
        {refusal && <p className={styles.refusal}>{refusal}</p>}
        <footer className={styles.foot}>
          <Button onClick={() => ref.current?.close()}>Cancel</Button>
          <Button submit look={danger ? 'danger' : 'primary'} busy={busy ?? false} refusal={refusal ?? null}>
            {verb}
          </Button>
        </footer>
      </form>
    </dialog>
  );
}
