import fc from 'fast-check';
import { expect, test } from 'vitest';
import { analyse, extract } from '../../src/llm/extractive.ts';
import { textBlocks } from '../../src/llm/text-blocks.ts';
import { splitSentences } from '../../src/llm/text-sentences.ts';

const part = (markdown: string, heading: string) =>
  (markdown.split(`## ${heading}\n\n`)[1] ?? '').split('\n\n')[0]?.split('\n') ?? [];
const read = (text: string, title = 'A title') => {
  const markdown = extract({ title, text });
  return {
    markdown,
    sentences: part(markdown, 'Key sentences'),
    terms: part(markdown, 'Key terms'),
    size: part(markdown, 'Size')[0],
  };
};

test('an English text gives its key sentences in their order, its terms and its size', () => {
  const { markdown, sentences, terms, size } = read(
    'The queue is slow at night. Nobody knows why. An index on the queue makes the queue fast again. ' +
      'We had lunch. The index costs little. Then it rained. The queue without an index scans every row. ' +
      'That was it. The team measured the queue with and without the index.',
  );
  expect(markdown.startsWith('# A title\n\n')).toBe(true);
  expect(markdown).toContain('not a language model');
  expect(sentences).toEqual([
    '- The queue is slow at night.',
    '- An index on the queue makes the queue fast again.',
    '- The index costs little.',
    '- The queue without an index scans every row.',
    '- The team measured the queue with and without the index.',
  ]);
  expect(terms.slice(0, 2)).toEqual(['- queue (5)', '- index (4)']);
  expect(terms.join()).not.toMatch(/\b(the|and|with|was)\b/);
  expect(size).toBe('50 words in 9 sentences.');
});

test('a Spanish text is read with Spanish stop words', () => {
  const { sentences, terms } = read(
    'La cola de tareas es lenta por la noche. El índice de la cola no se usa. ¿Por qué? ' +
      'Con un índice nuevo, la cola responde en milisegundos. No hubo más incidentes.',
  );
  expect(sentences).toContain('- La cola de tareas es lenta por la noche.');
  expect(terms.slice(0, 2)).toEqual(['- cola (3)', '- índice (2)']);
  expect(terms.join()).not.toMatch(/- (por|con|más|qué) /);
});

test('Chinese and Japanese texts are cut into words and sentences', () => {
  const chinese = read('数据库很慢。索引可以让数据库更快。我们应该添加索引。');
  expect(chinese.sentences).toContain('- 索引可以让数据库更快。');
  expect(chinese.terms.join()).toContain('索引 (2)');
  const japanese = read('データベースは遅いです。インデックスでデータベースが速くなります。');
  expect(japanese.sentences).toHaveLength(2);
  expect(japanese.terms[0]).toBe('- データベース (2)');
});

test.each([
  ['One.Two.Three', ['One.', 'Two.', 'Three']],
  ['It works!Does it?Yes.', ['It works!', 'Does it?', 'Yes.']],
  [
    'We use Node.js and e.g. Hono. Version 1.2.3 is out.',
    ['We use Node.js and e.g. Hono.', 'Version 1.2.3 is out.'],
  ],
  ['Dr. Smith met Mrs. Jones. They left.', ['Dr. Smith met Mrs. Jones.', 'They left.']],
  ['¿Qué pasa?¡Nada!', ['¿Qué pasa?', '¡Nada!']],
  ['... --- !!!', []],
])('%j is cut into sentences', (text, sentences) => {
  expect(splitSentences(text)).toEqual(sentences);
});

test('Markdown reads as text: headings, lists, links, tables and code', () => {
  const markdown = [
    'Setext title\n===',
    '## A *heading* ##\nA paragraph that\ngoes on with [a link](https://example.com "x") and ![a picture](p.png).',
    '- [x] first **item**\n- second `code` item\n  continued\n1) third',
    '> A quote with snake_case and _emphasis_.',
    '```sql\nselect secret from code;\n```',
    '| name | count |\n|---|--:|\n| one | 2 |',
    '<!-- hidden --><b>Bold</b> \\*kept\\*\n\n---\n\n[ref]: https://example.com',
  ].join('\n\n');
  expect(textBlocks(markdown)).toEqual([
    { text: 'Setext title', heading: true },
    { text: 'A heading', heading: true },
    { text: 'A paragraph that goes on with a link and a picture.', heading: false },
    { text: 'first item', heading: false },
    { text: 'second code item continued', heading: false },
    { text: 'third', heading: false },
    { text: 'A quote with snake_case and emphasis.', heading: false },
    { text: 'name, count', heading: false },
    { text: 'one, 2', heading: false },
    { text: 'Bold *kept*', heading: false },
  ]);
});

test('a fence that is never closed hides nothing', () => {
  expect(textBlocks('Before.\n```\nAfter.')).toMatchObject([{ text: 'Before.' }, { text: 'After.' }]);
});

test.each(['', ' \n\t ', '```\ncode\n```', '---'])('%j has nothing to say', (text) => {
  const { sentences, terms, size } = read(text, '');
  expect(sentences).toEqual(['The text has no sentences.']);
  expect(terms).toEqual(['The text has no terms.']);
  expect(size).toBe('0 words in 0 sentences.');
});

test('one word is a sentence', () => {
  expect(read('Hello')).toMatchObject({ sentences: ['- Hello'], size: '1 word in 1 sentence.' });
  expect(read('# Only a heading').sentences).toEqual(['- Only a heading']);
});

test('a sentence that is said twice is shown once', () => {
  expect(read('All is well. All is well. All is well.').sentences).toEqual(['- All is well.']);
});

const SIZE = 256 * 1024;
test.each([
  ['prose', 'The queue of tasks is slow because the index is missing. '],
  ['one sentence', 'word '],
  ['one word', 'x'],
  ['Chinese', '数据库很慢。索引可以让数据库更快，'],
  ['brackets', '['],
  ['links', '[a]('],
  ['stars', '*'],
  ['stars and spaces', '* '],
  ['fences', '```\n'],
  ['fences of both kinds', '~~~\n```\n'],
  ['comments', '<!--'],
  ['tags', '<a '],
  ['spaces', ' '],
  ['hashes', '# '],
  ['stops', '.'],
  ['abbreviations', 'e.g. '],
  ['glued sentences', 'One.'],
  ['backticks', '`'],
  ['underscores', '_a'],
  ['rows', '|'],
  ['quotes', '> '],
  ['emoji', '👩‍👩‍👧‍👦'],
])('256 KiB of %s are read in linear time', (_, piece) => {
  const text = piece.repeat(Math.ceil(SIZE / piece.length)).slice(0, SIZE);
  const before = process.cpuUsage();
  extract({ title: 'Large', text });
  // A second is the aim. Quadratic time, which is what this guards against, would be far beyond.
  expect(process.cpuUsage(before).user / 1e6).toBeLessThan(2);
});

test('whatever the text, the result is the same again, bounded, storable and labelled', () => {
  const markdown = fc
    .array(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom(
          '# ',
          '\n',
          '```',
          '- ',
          '[a](b)',
          '**',
          '.',
          '。',
          '\0',
          '\uD800',
          '| a |',
          '> ',
          ' ',
        ),
      ),
      { size: 'medium' },
    )
    .map((pieces) => pieces.join(''));
  fc.assert(
    fc.property(markdown, fc.string({ unit: 'binary' }), (text, title) => {
      const first = extract({ title, text });
      expect(extract({ title, text })).toBe(first);
      expect(first.length).toBeLessThan(4000);
      expect(first.isWellFormed() && !first.includes('\0')).toBe(true);
      expect(first).toContain('not a language model');
    }),
  );
});

test('the answer says that no language model wrote it', () => {
  expect(analyse({ title: 'T', text: 'Hello there.' })).toMatchObject({
    engine: 'extractive',
    llm: false,
    model: null,
    usage: { inputTokens: null, outputTokens: null },
    finishReason: 'stop',
  });
});
