/**
 * Text of agents, made harmless for people and terminals: control characters and direction marks are shown, not obeyed.
 * Line ends and tabs stay.
 */
export function visible(text: string): string {
  return text.replace(HIDDEN, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

const HIDDEN = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
