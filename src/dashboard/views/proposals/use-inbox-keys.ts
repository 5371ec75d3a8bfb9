import { useEffect, useRef, useState } from 'react';

type Actions = {
  ids: readonly string[];
  approve(id: string): void;
  reject(id: string): void;
  edit(id: string): void;
  toggle(id: string): void;
  open(id: string): void;
  search(): void;
};

export type InboxKeys = {
  /** The row that the keys act on. */
  current: string | null;
  /** Has the row's element, so that it can get the focus. */
  register(id: string, element: HTMLElement | null): void;
  /** Gives the focus back to the row, or to the one that stands in its place now. */
  focus(): void;
  onFocus(id: string): void;
};

/** j and k go down and up, a approves, r rejects, e edits, x marks, Enter opens, / searches. */
export function useInboxKeys(actions: Actions): InboxKeys {
  const [current, setCurrent] = useState<string | null>(null);
  const elements = useRef(new Map<string, HTMLElement>());
  const place = useRef(0);
  const latest = useRef({ actions, current });
  latest.current = { actions, current };

  const focusAt = (index: number) => {
    const { ids } = latest.current.actions;
    const id = ids[Math.min(Math.max(index, 0), ids.length - 1)];
    if (id !== undefined) elements.current.get(id)?.focus();
  };

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const { actions: now, current: id } = latest.current;
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const at = id === null ? -1 : now.ids.indexOf(id);
      const does: Record<string, () => void> = {
        j: () => focusAt(at === -1 ? place.current : at + 1),
        k: () => focusAt(at === -1 ? place.current : at - 1),
        '/': now.search,
        ...(id === null || at === -1
          ? {}
          : {
              a: () => now.approve(id),
              r: () => now.reject(id),
              e: () => now.edit(id),
              x: () => now.toggle(id),
            }),
      };
      const action = Object.hasOwn(does, event.key) ? does[event.key] : undefined;
      if (!action) return;
      event.preventDefault();
      action();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);

  const before = useRef<readonly string[]>([]);
  const list = actions.ids.join();
  useEffect(() => {
    const { ids } = latest.current.actions;
    const old = before.current;
    before.current = ids;
    if (current === null || ids.includes(current)) return;
    // The row is gone, decided here or elsewhere: the next one that is left takes its place.
    const next = old.slice(old.indexOf(current)).find((id) => ids.includes(id));
    place.current = next === undefined ? ids.length - 1 : ids.indexOf(next);
    if (document.activeElement === document.body) focusAt(place.current);
  }, [list, current]);

  return {
    current,
    register(id, element) {
      if (element) elements.current.set(id, element);
      else elements.current.delete(id);
    },
    focus: () => focusAt(place.current),
    onFocus(id) {
      place.current = actions.ids.indexOf(id);
      setCurrent(id);
    },
  };
}

/** Letters belong to whoever types, and to a dialog, also while it closes. */
function isTyping(target: EventTarget | null): boolean {
  if (document.querySelector('dialog')) return true;
  return target instanceof HTMLElement && target.matches('input:not([type=checkbox]), textarea, select');
}
