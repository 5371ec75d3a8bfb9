import { expect, test } from 'vitest';
import { oneLine, visible } from './print.ts';

test('what agents wrote cannot move the cursor, hide letters or draw lines of its own', () => {
  expect(visible('a\u001b[2Jb\u202ec\u200bd')).toBe('a\\u{1b}[2Jb\\u{202e}c\\u{200b}d');
  expect(visible('two\nlines\tstay')).toBe('two\nlines\tstay');
  expect(oneLine('a\nstatus  approved')).toBe('a\\nstatus  approved');
});
