import { AppError } from '../errors.ts';

/** Opaque page cursors: base64url of the last row's place, so that clients do not build their own. */
export function encodeCursor(place: string | number): string {
  return Buffer.from(`1:${place}`, 'utf8').toString('base64url');
}

/** The place a cursor stands for. @throws AppError invalid_cursor */
export function decodeCursor(cursor: string, valid: (place: string) => boolean): string {
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  const place = text.slice(2);
  if (!text.startsWith('1:') || !valid(place)) {
    throw new AppError(
      'invalid_cursor',
      'This cursor was not made by this list; take `next` of a page, or leave it out.',
      {
        details: { cursor: cursor.slice(0, 80) },
      },
    );
  }
  return place;
}
