/**
 * Text of agents, made harmless for people and terminals: control characters and direction marks are shown, not obeyed.
 * Line ends and tabs stay.
 */
export function visible(text: string): string {
  return text.replace(HIDDEN, (character) => `\\u{${codeOf(character)}}`);
}

/** JSON that parses to the same value and in which nothing is hidden: a model reads it as it stands. */
export function visibleJson(value: unknown): string {
  const escape = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value).replace(HIDDEN, (character) => character.split('').map(escape).join(''));
}

/** The same text in parts: what can be seen, and single characters that cannot. */
export function splitHidden(text: string): { text: string; hidden: boolean }[] {
  const parts: { text: string; hidden: boolean }[] = [];
  let from = 0;
  for (const { 0: character, index } of text.matchAll(HIDDEN)) {
    if (index > from) parts.push({ text: text.slice(from, index), hidden: false });
    parts.push({ text: character, hidden: true });
    from = index + character.length;
  }
  if (from < text.length) parts.push({ text: text.slice(from), hidden: false });
  return parts;
}

/** `U+202E` */
export function hiddenName(character: string): string {
  return `U+${codeOf(character).toUpperCase().padStart(4, '0')}`;
}

function codeOf(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16);
}

const HIDDEN = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
