/** Follows what a client sends to PostgreSQL, however it is cut into pieces. */
export type CommitFinder = {
  /** Whether a COMMIT was completed by this piece. */
  feed(piece: Buffer): boolean;
};

/** Of a message so much is kept: enough to read the beginning of a statement. */
const KEPT = 32;
const QUERY = 'Q'.charCodeAt(0);
const PARSE = 'P'.charCodeAt(0);
const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;

/**
 * Reads the messages of protocol 3.0 as a client sends them: one or more without a type at the start, then a type and
 * a length each. A COMMIT is a simple query, or a statement that is parsed, whose text begins with it.
 */
export function makeCommitFinder(): CommitFinder {
  let inStartup = true;
  /** Type and length, or the length alone. */
  let head = Buffer.alloc(0);
  let body = Buffer.alloc(0);
  let missing = 0;

  const isCommit = (): boolean => {
    if (inStartup) {
      const code = body.length >= 4 ? body.readInt32BE(0) : 0;
      inStartup = code === SSL_REQUEST || code === GSS_REQUEST;
      return false;
    }
    const type = head[0];
    if (type !== QUERY && type !== PARSE) return false;
    // A parsed statement has a name before its text.
    const text = type === QUERY ? body : body.subarray(body.indexOf(0) + 1);
    return /^\s*(commit|end)\b/i.test(text.toString('latin1'));
  };

  return {
    feed(piece) {
      let found = false;
      let at = 0;
      while (at < piece.length) {
        const headLength = inStartup ? 4 : 5;
        if (head.length < headLength) {
          const taken = piece.subarray(at, at + headLength - head.length);
          head = Buffer.concat([head, taken]);
          at += taken.length;
          if (head.length < headLength) break;
          missing = head.readInt32BE(headLength - 4) - 4;
        }
        const taken = piece.subarray(at, at + missing);
        at += taken.length;
        missing -= taken.length;
        if (body.length < KEPT) body = Buffer.concat([body, taken.subarray(0, KEPT - body.length)]);
        if (missing > 0) break;
        found = isCommit() || found;
        head = Buffer.alloc(0);
        body = Buffer.alloc(0);
      }
      return found;
    },
  };
}
