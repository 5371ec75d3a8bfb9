import { cleanText } from '../lib/clean-text.ts';
import { type Block, textBlocks } from './text-blocks.ts';
import { splitSentences, splitWords } from './text-sentences.ts';
import { stopWordsFor } from './stop-words.ts';
import { type LlmAnswer, UNKNOWN_USAGE } from './types.ts';

export type ExtractiveDocument = { title: string; text: string };

const MAX_SENTENCES = 5;
const MAX_TERMS = 12;
const LONGEST_SENTENCE = 400;
const LONGEST_TERM = 40;
const LONGEST_TITLE = 200;
/** Beyond this the text is cut, so that one document cannot hold up everything else. */
const LONGEST_TEXT = 256 * 1024;

/** The answer of the built-in analyst: what `extract` finds, labelled as no work of a language model. */
export function analyse(document: ExtractiveDocument): LlmAnswer {
  const started = performance.now();
  const text = extract(document);
  return {
    text,
    engine: 'extractive',
    llm: false,
    provider: 'extractive',
    model: null,
    usage: UNKNOWN_USAGE,
    timings: { firstTokenMs: null, totalMs: Math.round(performance.now() - started), loadMs: null },
    finishReason: 'stop',
  };
}

/**
 * Picks the sentences with the most frequent words of a text, and these words. Deterministic and pure: the
 * same text gives the same Markdown on every machine.
 */
export function extract({ title, text }: ExtractiveDocument): string {
  const blocks = textBlocks(cleanText(text.slice(0, LONGEST_TEXT)));
  const sentences = readSentences(blocks);
  const words = sentences.flatMap((sentence) => sentence.words);
  const terms = countTerms(words);
  const key = keySentences(sentences, terms, new Set(splitWords(title)));
  return [
    `# ${oneLine(title, LONGEST_TITLE) || 'Untitled'}`,
    '_By the built-in extractive analyst, which is not a language model: it repeats what the text says and judges nothing._',
    '## Key sentences',
    key.length === 0 ? 'The text has no sentences.' : key.map((sentence) => `- ${sentence}`).join('\n'),
    '## Key terms',
    terms.size === 0 ? 'The text has no terms.' : topTerms(terms),
    '## Size',
    `${plural(words.length, 'word')} in ${plural(sentences.length, 'sentence')}.` +
      (text.length > LONGEST_TEXT ? ` Only the first ${LONGEST_TEXT} characters were read.` : ''),
  ].join('\n\n');
}

type Sentence = { text: string; words: string[]; heading: boolean; weight: number };

function readSentences(blocks: Block[]): Sentence[] {
  return blocks.flatMap(({ text, heading }, blockIndex) =>
    splitSentences(text).map((sentence, index) => ({
      text: sentence,
      words: splitWords(sentence),
      heading,
      // What comes first usually matters most.
      weight: index > 0 ? 1 : blockIndex === 0 ? 1.3 : 1.1,
    })),
  );
}

function countTerms(words: string[]): Map<string, number> {
  const stopWords = stopWordsFor(words);
  const counts = new Map<string, number>();
  for (const word of words) {
    const shortest = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u.test(word)
      ? 2
      : 3;
    const isTerm = word.length >= shortest && word.length <= LONGEST_TERM && /\p{L}/u.test(word);
    if (isTerm && !stopWords.has(word)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return counts;
}

/** The best sentences, in the order of the text. Headings stand in only where there is nothing else. */
function keySentences(sentences: Sentence[], terms: Map<string, number>, title: Set<string>): string[] {
  const body = sentences.filter(({ heading }) => !heading);
  const distinct = new Map<string, Sentence>();
  for (const sentence of body.length > 0 ? body : sentences) {
    const text = oneLine(sentence.text, LONGEST_SENTENCE);
    if (!distinct.has(text)) distinct.set(text, sentence);
  }
  return [...distinct]
    .map(([text, sentence], order) => ({ text, order, score: scoreOf(sentence, terms, title) }))
    .sort((a, b) => b.score - a.score || a.order - b.order)
    .slice(0, MAX_SENTENCES)
    .sort((a, b) => a.order - b.order)
    .map(({ text }) => text);
}

function scoreOf({ words, weight }: Sentence, terms: Map<string, number>, title: Set<string>): number {
  let sum = 0;
  for (const word of new Set(words)) {
    sum += Math.log2(1 + (terms.get(word) ?? 0)) * (title.has(word) ? 1.5 : 1);
  }
  const fragment = words.length < 4 ? 0.5 : 1;
  return (sum * weight * fragment) / Math.sqrt(words.length + 3);
}

function topTerms(terms: Map<string, number>): string {
  return [...terms]
    .sort(([, a], [, b]) => b - a)
    .slice(0, MAX_TERMS)
    .map(([term, count]) => `- ${term} (${count})`)
    .join('\n');
}

function oneLine(text: string, longest: number): string {
  const line = cleanText(text).replaceAll(/\s+/g, ' ').trim();
  if (line.length <= longest) return line;
  // Not in the middle of a surrogate pair.
  return `${line.slice(0, longest).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
