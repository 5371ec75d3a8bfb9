import { expect, test } from 'vitest';
import { toAnswer } from '../../src/loop/answer.ts';
import { makeCreateProposal, type Proposed } from '../../src/loop/propose.ts';
import type { ProposalRequest } from '../../src/loop/schema.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy } from '../support/loop.ts';

const db = useDatabase();

const request = (key: string, digest = 'same', agentId = 'research'): ProposalRequest => ({
  agentId,
  kind: 'analysis',
  title: 'Once',
  body: null,
  by: 'test',
  idempotency: { owner: 'someone', key, digest },
});

const idOf = (result: Proposed) =>
  'repeated' in result
    ? (result.repeated.answer as { proposal: { id: string } }).proposal.id
    : result.admission.proposal.id;

test('50 parallel repeats through two servers store one proposal and all get its answer', async () => {
  await openPolicy(db.database);
  const servers = [makeCreateProposal(db.open(), toAnswer), makeCreateProposal(db.open(), toAnswer)] as const;
  const results = await Promise.all(
    Array.from({ length: 50 }, (_, n) => servers[n % 2 === 0 ? 0 : 1](request('k1'))),
  );

  const ids = new Set(results.map(idOf));
  expect(ids.size).toBe(1);
  expect(results.filter((result) => 'admission' in result)).toHaveLength(1);
  const rows = await db.database.query("select from ops_proposals where title = 'Once'");
  expect(rows).toHaveLength(1);
});

test('the same key with another request is refused', async () => {
  const create = makeCreateProposal(db.database, toAnswer);
  await create(request('k2', 'one'));
  await expect(create(request('k2', 'two'))).rejects.toMatchObject({ code: 'idempotency_mismatch' });
});

test('keys of two callers do not meet', async () => {
  const create = makeCreateProposal(db.database, toAnswer);
  const one = await create(request('k3'));
  const other = await create({
    ...request('k3'),
    idempotency: { owner: 'another', key: 'k3', digest: 'same' },
  });
  expect(idOf(one)).not.toBe(idOf(other));
});

test('a request that failed leaves its key free', async () => {
  const create = makeCreateProposal(db.database, toAnswer);
  await expect(create(request('k4', 'same', 'nobody'))).rejects.toMatchObject({ code: 'unknown_agent' });
  expect(idOf(await create(request('k4')))).toBeTruthy();
});
