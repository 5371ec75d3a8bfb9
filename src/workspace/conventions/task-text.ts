/** What a task file asks for. Its whole text is the proposal's body, so this reads the body as well. */
export type TaskText = {
  form: 'task' | 'exec';
  /** The role of `@role:`, as written; null when there is none. */
  role: string | null;
  /** Asks for exactly what is asked, without headings or a checklist. */
  strict: boolean;
  /** The text behind the prefixes; for `exec` the command. */
  text: string;
};

const PREFIX = /^\s*(?:@([A-Za-z0-9_-]{1,64})[ \t]*:|(STRICT)[ \t]*:|(EXEC)[ \t]*:)/i;

/** Reads the prefixes at the beginning, each at most once: `@role:`, `STRICT:`, and at last `EXEC:`. */
export function parseTaskText(body: string): TaskText {
  const found: TaskText = { form: 'task', role: null, strict: false, text: body };
  for (;;) {
    const match = PREFIX.exec(found.text);
    if (!match) break;
    const [whole, role, strict, exec] = match;
    if ((role !== undefined && found.role !== null) || (strict !== undefined && found.strict)) break;
    found.text = found.text.slice(whole.length);
    if (role !== undefined) found.role = role;
    if (strict !== undefined) found.strict = true;
    if (exec !== undefined) {
      found.form = 'exec';
      break;
    }
  }
  found.text = found.text.trim();
  return found;
}

/** The proposal's title: the first line that says something, or the file's stem. */
export function titleOf(text: string, stem: string): string {
  const lines = text
    .slice(0, 4_000)
    .split(/[\r\n\u2028\u2029]+/)
    .map((line) =>
      line
        .replace(/[\p{Cc}\p{Cf}]/gu, ' ')
        .replace(/\s+/g, ' ')
        .trim(),
    );
  const line = lines.find((candidate) => /[^\p{C}\p{Z}]/u.test(candidate)) ?? stem;
  const characters = Array.from(line);
  return characters.length <= 120 ? line : `${characters.slice(0, 119).join('')}…`;
}
