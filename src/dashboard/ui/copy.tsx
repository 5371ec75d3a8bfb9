import { useState } from 'react';
import { Button } from './button.tsx';

/** Puts a text where it can be pasted from. */
export function Copy({ text, what }: { text: string; what: string }) {
  const [state, setState] = useState<'ready' | 'done' | 'failed'>('ready');
  const words = { ready: 'Copy', done: 'Copied', failed: 'Not allowed: mark it and copy by hand' };
  const copy = () => {
    // Without a secure context (plain HTTP on another machine) there is no clipboard.
    const writing = navigator.clipboard?.writeText(text) ?? Promise.reject(new Error('no clipboard'));
    writing.then(
      () => setState('done'),
      () => setState('failed'),
    );
  };
  return (
    <Button look="quiet" aria-label={`${words[state]}: ${what}`} onClick={copy}>
      {words[state]}
    </Button>
  );
}
