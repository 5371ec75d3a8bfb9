import { z } from '@hono/zod-openapi';
import { AppError } from '../errors.ts';
import { decodeCursor, encodeCursor } from '../lib/cursor.ts';
import { isUuid } from '../lib/uuid7.ts';

/** A query member that is a whole number from 1 on. */
export function countUpTo(most: number, usual: number, description: string) {
  return z
    .string()
    .regex(/^\d{1,4}$/, `a whole number from 1 to ${most}`)
    .transform(Number)
    .refine((limit) => limit >= 1 && limit <= most, `a whole number from 1 to ${most}`)
    .optional()
    .transform((limit) => limit ?? usual)
    .openapi({
      type: 'integer',
      minimum: 1,
      maximum: most,
      default: usual,
      description,
    });
}

/** The query members of a list that is read page by page. */
export function pageOf(most: number, usual: number) {
  return {
    limit: countUpTo(most, usual, 'Most items of a page.'),
    cursor: z
      .string()
      .max(200)
      .optional()
      .openapi({ description: '`next` of the page before; it has no other meaning.' }),
  };
}

/** What `next` stands for in a list by id. @throws AppError invalid_cursor */
export function idOfCursor(cursor: string | undefined): string | null {
  return cursor === undefined ? null : placeOf(cursor, isUuid);
}

/** What `next` stands for in a list by number. @throws AppError invalid_cursor */
export function numberOfCursor(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined;
  return Number(placeOf(cursor, (place) => /^\d{1,15}$/.test(place)));
}

function placeOf(cursor: string, valid: (place: string) => boolean): string {
  const place = decodeCursor(cursor, valid);
  // Base64 forgives much; a cursor is taken only in the form we gave it.
  if (encodeCursor(place) === cursor) return place;
  throw new AppError('invalid_cursor', 'This cursor was changed; take `next` of a page, or leave it out.');
}

/** The cursor of the next page of a list by id. */
export function toNext(id: string | null): string | null {
  return id === null ? null : encodeCursor(id);
}
