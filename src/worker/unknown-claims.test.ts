import { expect, test } from 'vitest';
import { makeUnknownClaims } from './unknown-claims.ts';

test('a claim is lost once it has been unknown for 2 s without a break', () => {
  let time = 0;
  const claims = makeUnknownClaims(() => time);
  const held = [{ id: 'step', claim_id: 'claim' }];
  const nobody = () => false;
  expect(claims.lostOf(held, nobody)).toEqual([]);
  time = 1_999;
  expect(claims.lostOf(held, nobody)).toEqual([]);
  time = 2_000;
  expect(claims.lostOf(held, nobody)).toEqual(held);
  // Its answer came after all, so it begins anew when it is unknown again.
  expect(claims.lostOf(held, () => true)).toEqual([]);
  expect(claims.lostOf(held, nobody)).toEqual([]);
});
