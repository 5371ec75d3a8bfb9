import type { Entry } from './history.ts';

/** A history as outside checkers read it: one map a line, in the form of Jepsen. */
export function toEdn(entries: readonly Entry[]): string {
  const processOf = assignProcesses();
  return entries
    .map((entry) => {
      const own = processOf(entry);
      const { index, mono, type, f, value, error, wall, client } = entry;
      const members: [string, string][] = [
        ['index', String(index)],
        ['time', String(mono)],
        ['process', String(own)],
        ['type', keyword(type)],
        ['f', keyword(f)],
        ['value', toValue(value)],
        ['wall', String(wall)],
        ['client', toValue(client)],
        ...(error === undefined ? [] : [['error', toValue(error)] satisfies [string, string]]),
      ];
      return `{${members.map(([name, text]) => `${keyword(name)} ${text}`).join(', ')}}\n`;
    })
    .join('');
}

/** A process does one thing at a time, so a client that does several at once is as many of them. */
function assignProcesses(): (entry: Entry) => number {
  const busy = new Map<number, number>();
  const idle = new Map<string, number[]>();
  let next = 0;
  return ({ client, of, type }) => {
    const waiting = idle.get(client) ?? [];
    idle.set(client, waiting);
    const own = busy.get(of) ?? waiting.pop() ?? next++;
    if (type === 'invoke') busy.set(of, own);
    // Whose outcome nobody knows may still happen, so that process is never heard of again.
    else if (type !== 'info') waiting.push(own);
    return own;
  };
}

const keyword = (name: string) => `:${name.replaceAll('_', '-')}`;

function toValue(value: unknown): string {
  if (value === null || value === undefined) return 'nil';
  if (typeof value === 'object')
    return `{${Object.entries(value)
      .map(([name, member]) => `${keyword(name)} ${toValue(member)}`)
      .join(', ')}}`;
  // EDN knows no other escapes than these, and all characters as they are.
  if (typeof value === 'string')
    return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n').replaceAll('\t', '\\t').replaceAll('\r', '\\r')}"`;
  return JSON.stringify(value);
}
