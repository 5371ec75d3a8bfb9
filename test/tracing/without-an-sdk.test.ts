import { expect, test } from 'vitest';
import { inSpan } from '../../src/lib/tracing.ts';
import { useApp } from '../support/app.ts';

const t = useApp();
const GIVEN = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

async function traceparentOf(headers: Record<string, string>): Promise<string | null> {
  const json = { agent_id: 'research', kind: 'deploy', title: 'Look' };
  const answer = await t.request('/api/ops/proposals', { method: 'POST', json, headers });
  return ((await answer.json()) as { proposal: { traceparent: string | null } }).proposal.traceparent;
}

test('nothing is traced, and the proposer’s place is kept as it came', async () => {
  expect(
    await inSpan('nothing', { kind: 'internal', facts: {} }, async (traced) => traced.traceparent()),
  ).toBeNull();
  expect(await traceparentOf({ traceparent: GIVEN })).toBe(GIVEN);
  expect(await traceparentOf({})).toBeNull();
  expect(await traceparentOf({ traceparent: 'nonsense' })).toBeNull();
});
