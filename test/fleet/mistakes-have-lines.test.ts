import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseFleet, writeFleet } from '../../src/cli/fleet-file.ts';
import { AppError } from '../../src/errors.ts';

function mistakesIn(text: string): string[] {
  try {
    parseFleet(text, 'f.yaml');
    return [];
  } catch (error) {
    if (error instanceof AppError && error.code === 'usage') return error.message.split('\n');
    throw error;
  }
}

test.each([
  ['agents:\n  scout: {role: 5}\n', /^f\.yaml:2:\d+: agents\.scout\.role: /],
  ['agents:\n  scout:\n    rule: x\n', /^f\.yaml:3:5: agents\.scout: .*rule/],
  ['policy:\n  no_such_key: {}\n', /^f\.yaml:2:\d+: policy: .*no_such_key/],
  ['policy:\n  paused:\n    enabled: true\n', /^f\.yaml:3:\d+: policy\.paused\.agents/],
  ['a: [\n', /^f\.yaml:2:1: /],
  ['agents: {}\nagents: {}\n', /^f\.yaml:2:1: .*unique/],
  ['- a\n- b\n', /^f\.yaml:1:1: /],
  ['agents:\n  __proto__: {role: x}\n', /^f\.yaml:2:14: agents\.__proto__: .*no name/],
  [
    'agents:\n  a:\n    config:\n      "__proto__": 1\n',
    /^f\.yaml:4:20: agents\.a\.config\.__proto__: .*no name/,
  ],
  [
    'schedules:\n  x:\n    agent_id: a\n    kind: k\n    title: "  "\n    cron: 0 7 * * *\n',
    /^f\.yaml:5:12: schedules\.x\.title: must not be blank/,
  ],
])('%j', (text, expected) => {
  expect(mistakesIn(text)[0]).toMatch(expected);
});

test('all mistakes are told at once', () => {
  expect(mistakesIn('agents:\n  a: {role: 1}\n  b: {role: 2}\npolicy: {x: 1}\n')).toHaveLength(3);
});

test('an empty file is a fleet that says nothing', () => {
  expect(parseFleet('', 'f.yaml').fleet).toEqual({});
});

test('a file made to fill the memory is refused', () => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${Array.from(
    { length: 8 },
    (_, n) =>
      `${String.fromCharCode(98 + n)}: &${String.fromCharCode(98 + n)} [${Array(9)
        .fill(`*${String.fromCharCode(97 + n)}`)
        .join(',')}]`,
  ).join('\n')}\n`;
  expect(mistakesIn(bomb)[0]).toContain('alias');
});

test('whatever stands in a file, it is a fleet or a list of mistakes with their lines', () => {
  fc.assert(
    fc.property(fc.string({ size: 'medium' }), (text) => {
      for (const mistake of mistakesIn(text)) expect(mistake).toMatch(/^f\.yaml/m);
    }),
  );
});

test('what is written is read again', () => {
  const fleet = { agents: { scout: { role: 'a: b # c', display_name: '*x &y' } }, webhooks: {} };
  expect(parseFleet(writeFleet(fleet), 'f.yaml').fleet).toEqual(fleet);
});
