/** A heading, a paragraph, an item of a list or a row of a table, as one line of plain text. */
export type Block = { text: string; heading: boolean };

/**
 * Takes Markdown apart into what reads as sentences; plain text comes through unchanged. Every expression
 * here works on single spaces or has a bound, so that no text makes it slow.
 */
export function textBlocks(markdown: string): Block[] {
  const lines = withoutCode(
    markdown.replaceAll(/<!--[\s\S]{0,1000}?-->/g, '').split(/\r\n|[\n\r\u2028\u2029]/),
  );
  const blocks: Block[] = [];
  let paragraph: string[] = [];
  const close = (heading = false): void => {
    const text = inlineText(joinLines(paragraph));
    if (text !== '') blocks.push({ text, heading });
    paragraph = [];
  };

  for (const raw of lines) {
    const line = raw
      .replaceAll(/\s+/g, ' ')
      .trim()
      .replace(/^(> ?)+/, '');
    if (line === '' || /^[-*_]( ?[-*_]){2,}$/.test(line) || /^=+$/.test(line) || line === '--') {
      // A line of dashes or equals signs below a single line makes a heading of it.
      close(/^[-=]+$/.test(line) && paragraph.length === 1);
    } else if (/^#{1,6} /.test(line)) {
      close();
      paragraph = [line.replace(/^#+ /, '').replace(/ #+$/, '')];
      close(true);
    } else if (line.startsWith('|')) {
      close();
      if (/[^|:\- ]/.test(line))
        paragraph = [
          line
            .split('|')
            .map((cell) => cell.trim())
            .filter(Boolean)
            .join(', '),
        ];
      close();
    } else if (/^\[[^\][]{1,200}\]: \S/.test(line)) {
      close();
    } else {
      const item = /^([-*+•]|\d{1,9}[.)]) (\[[ xX]\] )?/.exec(line);
      if (item !== null) close();
      paragraph.push(line.slice(item?.[0].length ?? 0));
    }
  }
  close();
  return blocks;
}

/** Leaves fenced code out. A fence that is never closed is no fence. */
function withoutCode(lines: string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < lines.length; at++) {
    const fence = fenceOf(lines[at]);
    if (fence === undefined) {
      kept.push(lines[at] ?? '');
      continue;
    }
    kept.push('');
    let end = at + 1;
    while (end < lines.length && fenceOf(lines[end]) !== fence) end++;
    if (end < lines.length) at = end;
  }
  return kept;
}

function fenceOf(line: string | undefined): string | undefined {
  return /^ {0,3}(```|~~~)/.exec(line ?? '')?.[1];
}

/** Lines of a script without spaces are joined without one. */
function joinLines(lines: string[]): string {
  const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}、。！？]/u;
  const parts: string[] = [];
  let last = '';
  for (const line of lines) {
    const glued = last === '' || (unspaced.test(last) && unspaced.test(line.slice(0, 1)));
    parts.push(glued ? line : ` ${line}`);
    if (line !== '') last = line.slice(-1);
    else if (!glued) last = ' ';
  }
  return parts.join('');
}

function inlineText(text: string): string {
  return text
    .replaceAll(/!?\[([^\][]{0,500})\]\([^()]{0,1000}\)/g, '$1')
    .replaceAll(/!?\[([^\][]{1,500})\]\[[^\][]{0,200}\]/g, '$1')
    .replaceAll(/<\/?[a-zA-Z][^<>]{0,500}>/g, '')
    .replaceAll(/`{1,3}([^`]{1,500})`{1,3}/g, '$1')
    .replaceAll(/\*\*|__|~~/g, '')
    .replaceAll(/(?<![\p{L}\p{N}*\\])[*_](?=[^\s*_])|(?<=[^\s*_\\])[*_](?![\p{L}\p{N}*])/gu, '')
    .replaceAll(/\\([!-/:-@[-`{-~])/g, '$1')
    .replaceAll(/ +/g, ' ')
    .trim();
}
