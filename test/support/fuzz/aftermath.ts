import { OPERATOR_KEY } from '../app.ts';
import type { Operation } from './operations.ts';

const MOST_PAGES = 2_000;

/** Reads every list to its end, as an operator. Nothing that was stored may keep a page from being read. */
export async function unreadableLists(url: string, operations: Operation[]): Promise<string[]> {
  const lists = operations.filter(({ method, path }) => method === 'GET' && !path.includes('{'));
  const found: string[] = [];
  for (const { name, path, parameters, problemOf, lock } of lists) {
    if (lock.by === 'link' || path.endsWith('/stream')) continue;
    const has = (parameter: string) => parameters.some((one) => one.name === parameter);
    let cursor: string | null = null;
    for (let page = 0; page < MOST_PAGES; page++) {
      const query = new URLSearchParams({
        ...(has('cursor') ? { limit: '200' } : {}),
        ...(cursor === null ? {} : { cursor }),
      });
      const response = await fetch(`${url}${path}?${query.toString()}`, {
        headers: { authorization: `Bearer ${OPERATOR_KEY}` },
      });
      const text = await response.text();
      const problem = problemOf(response.status, response.headers.get('content-type') ?? '', text);
      if (response.status !== 200 || problem)
        found.push(`${name} (page ${page + 1}): ${response.status} ${problem}`);
      const next: unknown =
        has('cursor') && response.ok ? (JSON.parse(text) as { next: unknown }).next : null;
      if (typeof next !== 'string') break;
      cursor = next;
    }
  }
  return found;
}
