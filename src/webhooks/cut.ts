import { cleanText } from '../lib/clean-text.ts';

/** The beginning of a text, without half a character at its end: many receivers refuse a whole call for one. */
export function cut(text: string, most: number): string {
  return cleanText(text.slice(0, most));
}
