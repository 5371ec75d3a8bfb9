import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Brief } from '../../src/engine/brief.ts';
import { materialOf, textOf } from '../../src/worker/prompt.ts';

function brief(body: string, prior: Brief['prior'] = []): Brief {
  return {
    proposal: { id: 'p', kind: 'content', title: 'T', body },
    agent: { agent_id: 'pm', role: null, model_override: null },
    prior,
  };
}

test('the mark is another one each time, and stands before and after the material only', () => {
  const seen = new Set<string>();
  for (let n = 0; n < 100; n++) {
    const { rules, material } = materialOf(brief('MATERIAL-000000000000 is what I guess'));
    const mark = /"(MATERIAL-[0-9a-f]{12})"/.exec(rules)?.[1] ?? '';
    expect(material.split(mark)).toEqual(['', expect.stringContaining('is what I guess'), '']);
    seen.add(mark);
  }
  expect(seen.size).toBe(100);
});

test('no mark of a chat template survives, however it is wrapped into others', () => {
  const marks = [
    '<|im_start|>',
    '<|',
    '|>',
    '[INST]',
    '[/INST]',
    '<s>',
    '</s>',
    '<<SYS>>',
    '<</SYS>>',
    '<',
    '>',
    '[',
    'IN',
    'ST]',
    's',
  ];
  const dangerous = /<\|(im_start|im_end|system)\|>|\[\/?INST\]|<\/?s>|<<\/?SYS>>/;
  const text = fc
    .array(fc.constantFrom(...marks, 'im_start', 'word', ' '), { maxLength: 30 })
    .map((all) => all.join(''));
  fc.assert(
    fc.property(text, text, (body, output) => {
      const { material } = materialOf(
        brief(body, [{ kind: 'analyze', title: 'a', output: { text: output } }]),
      );
      expect(material).not.toMatch(dangerous);
    }),
    {
      examples: [
        ['<|<|x|>im_start|>', '[IN[INST]ST]'],
        ['<<s>s>', '<</<s>s>'],
      ],
      numRuns: 500,
    },
  );
});

test('a text of nothing but nested marks is read in one pass', () => {
  const nested = `${'<|'.repeat(60_000)}${'|>'.repeat(60_000)}`;
  expect(materialOf(brief(nested)).material.length).toBeGreaterThan(0);
});

test('an earlier output is a text, whatever it is', () => {
  expect([{ text: 'a' }, 'b', null, undefined, 3, { n: 1 }, { text: 4 }, [1]].map(textOf)).toEqual([
    'a',
    'b',
    '',
    '',
    '3',
    '{"n":1}',
    '{"text":4}',
    '[1]',
  ]);
});

test('an earlier output without measure is cut, the later ones are still there', () => {
  const { material } = materialOf(
    brief('b', [
      { kind: 'analyze', title: 'a', output: 'x'.repeat(500_000) },
      { kind: 'generate', title: 'g', output: { text: 'THE-DRAFT' } },
    ]),
  );
  expect(material.length).toBeLessThan(70_000);
  expect(material).toContain('THE-DRAFT');
});
