/** Most rows that one page of a search looks at. */
export const MOST_LOOKED_AT = 5_000;

/** `next` is the id after which the next page begins; null when this is the last one. */
export type Page<Row> = { rows: Row[]; next: string | null };

/**
 * One page of a list by id. With `matches` it is a search: of the rows that are read, at most 5,000, those that
 * match. What it did not come to is left to the next page, so a page can be short and still have a next one.
 */
export async function readPage<Row extends { id: string }>(
  limit: number,
  read: (most: number) => Promise<Row[]>,
  matches: ((row: NoInfer<Row>) => boolean) | null,
): Promise<Page<Row>> {
  // One more than the page holds, to know whether there is a next one.
  const found = await read(matches ? MOST_LOOKED_AT : limit + 1);
  const matching = matches ? found.filter(matches) : found;
  const rows = matching.slice(0, limit);
  if (matching.length > limit) return { rows, next: rows.at(-1)?.id ?? null };
  const isCut = matches !== null && found.length === MOST_LOOKED_AT;
  return { rows, next: isCut ? (found.at(-1)?.id ?? null) : null };
}

/** Finds a text in titles in whatever case; in this program, because a database can be without Unicode's cases. */
export function titleHas(text: string): (row: { title: string }) => boolean {
  const wanted = text.toLowerCase();
  return ({ title }) => title.toLowerCase().includes(wanted);
}
