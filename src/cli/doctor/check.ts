/** One thing that was looked at. */
export type Check = {
  name: string;
  state: 'ok' | 'warning' | 'problem';
  /** What was found. */
  found: string;
  /** What to do about it, where it is not ok. */
  todo?: string;
};

export function ok(name: string, found: string): Check {
  return { name, state: 'ok', found };
}

export function warning(name: string, found: string, todo: string): Check {
  return { name, state: 'warning', found, todo };
}

export function problem(name: string, found: string, todo: string): Check {
  return { name, state: 'problem', found, todo };
}
