/** A task that an answer asks for. */
export type NextTask = { name: string; body: string };

/** More than this in one answer is no plan but a flood. */
export const MOST_NEXT = 10;
const MOST_NAME = 120;
const NEXT = /^[ \t]*NEXT[ \t]*:/i;

/**
 * The lines `NEXT: name` and `NEXT: name | @role: body` of an answer; each is a whole line.
 * @returns at most ten of them, and how many there were
 */
export function parseNextLines(answer: string): { tasks: NextTask[]; asked: number } {
  const all: NextTask[] = [];
  for (const line of answer.split(/\r?\n/)) {
    const mark = NEXT.exec(line);
    if (!mark) continue;
    const rest = line.slice(mark[0].length);
    const bar = rest.indexOf('|');
    const name = (bar === -1 ? rest : rest.slice(0, bar)).trim().slice(0, MOST_NAME);
    const body = bar === -1 ? '' : rest.slice(bar + 1).trim();
    if (name !== '') all.push({ name, body: body === '' ? `@pm: ${name}` : body });
  }
  return { tasks: all.slice(0, MOST_NEXT), asked: all.length };
}
