/**
 * After a stop and a space, unless a small letter follows; after a stop of a script without spaces; and
 * after a stop inside of a run of letters, as in "One.Two". Every look behind has a bound, so that it
 * takes linear time.
 */
const BOUNDARY = new RegExp(
  [
    String.raw`(?<=[.!?…]["'”’)\]»]{0,3})\s+(?=[^\p{Ll}\s])`,
    String.raw`(?<=[。！？｡][」』”’）]{0,2})(?![。！？｡」』”’）])`,
    String.raw`(?<=\p{L}\p{Ll}[.!?…]["'”’)\]»]?)(?=["'“‘([«¿¡]?\p{Lu}\p{Ll})`,
  ].join('|'),
  'u',
);

/** A stop after one of these ends no sentence. */
const ABBREVIATION =
  /(?:^|[\s(])(?:mr|mrs|ms|dr|prof|st|vs|etc|cf|no|nos|fig|e\.g|i\.e|approx|sr|sra|srta|dra|ud|uds|pág|núm|p\. ?ej)\.$/i;
const LONGEST_ABBREVIATION = 12;

// A fixed locale: the result must not depend on the machine.
const segmenter = new Intl.Segmenter('en', { granularity: 'word' });
/** The segmenter takes quadratic time for long texts (30 s for 256 KiB), so it gets short ones. */
const WINDOW = 500;

export function splitSentences(text: string): string[] {
  const sentences: string[] = [];
  let open: string[] = [];
  for (const piece of text.split(BOUNDARY)) {
    open.push(piece.trim());
    if (ABBREVIATION.test(piece.slice(-LONGEST_ABBREVIATION))) continue;
    sentences.push(open.join(' '));
    open = [];
  }
  sentences.push(open.join(' '));
  return sentences.filter((sentence) => /[\p{L}\p{N}]/u.test(sentence));
}

/** The words in small letters; scripts without spaces are cut by the dictionary of the runtime. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  for (const window of windows(text)) {
    for (const { segment, isWordLike } of segmenter.segment(window)) {
      if (isWordLike) words.push(segment.normalize('NFC').toLowerCase().replaceAll('’', "'"));
    }
  }
  return words;
}

/** Pieces of a bounded length, cut at a space where there is one. */
function* windows(text: string): Generator<string> {
  let start = 0;
  while (text.length - start > WINDOW) {
    const space = text.lastIndexOf(' ', start + WINDOW);
    let end = space > start ? space : start + WINDOW;
    // Not in the middle of a surrogate pair.
    if (/[\uDC00-\uDFFF]/.test(text.charAt(end))) end--;
    yield text.slice(start, end);
    start = end;
  }
  yield text.slice(start);
}
