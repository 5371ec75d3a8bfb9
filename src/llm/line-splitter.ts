const NEWLINE = 0x0a;

export type LineSplitter = {
  /** The lines that this chunk completes. Undefined when one grows beyond the limit. */
  push(chunk: Uint8Array): string[] | undefined;
  /** What stands after the last newline. */
  rest(): string;
};

/**
 * Cuts a stream of bytes into lines. It splits bytes and decodes whole lines, so that a character of
 * several bytes may be cut anywhere; what is no UTF-8 becomes U+FFFD.
 */
export function makeLineSplitter(maxLineBytes: number): LineSplitter {
  const decoder = new TextDecoder();
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;

  function take(last: Uint8Array): string {
    const line = pending.length === 0 ? last : Buffer.concat([...pending, last]);
    pending = [];
    pendingBytes = 0;
    return decoder.decode(line);
  }

  return {
    push(chunk) {
      const lines: string[] = [];
      let start = 0;
      for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
        if (pendingBytes + end - start > maxLineBytes) return undefined;
        lines.push(take(chunk.subarray(start, end)));
        start = end + 1;
      }
      const left = chunk.subarray(start);
      if (left.length > 0) pending.push(left);
      pendingBytes += left.length;
      return pendingBytes > maxLineBytes ? undefined : lines;
    },
    rest: () => take(new Uint8Array()),
  };
}

/** JSON can write one byte of text as six; the rest is room for the other members of a line. */
export function maxLineBytes(maxAnswerBytes: number): number {
  return maxAnswerBytes * 6 + 65_536;
}
