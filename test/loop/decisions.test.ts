import { expect, test } from 'vitest';
import { approve, reject } from '../../src/loop/decide.ts';
import { setPolicy } from '../../src/policy/policy.ts';
import { getProposal } from '../../src/proposals/proposals.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, proposer } from '../support/loop.ts';

const db = useDatabase();

test('the second of two deciders gets a conflict that says who decided', async () => {
  await openPolicy(db.database, []);
  const { proposal } = await proposer(db.database)();
  const race = await Promise.allSettled([
    approve(db.database, proposal.id, { by: 'key:ann' }),
    reject(db.database, proposal.id, { by: 'key:bob', reason: 'no' }),
    approve(db.open(), proposal.id, { by: 'key:cid' }),
  ]);
  expect(race.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
  for (const one of race) {
    if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'conflict' });
  }
  const missions = await db.database.query('select from ops_missions where proposal_id = $1', [proposal.id]);
  const { status } = await getProposal(db.database, proposal.id);
  expect(missions).toHaveLength(status === 'approved' ? 1 : 0);
});

test('editing keeps the original, and the mission works the edited text', async () => {
  await openPolicy(db.database, []);
  const { proposal } = await proposer(db.database)({ title: 'Old', body: 'old body' });
  const decided = await approve(db.database, proposal.id, {
    by: 'key:ann',
    reason: 'better',
    edit: { title: 'New' },
  });
  expect(decided.proposal).toMatchObject({
    title: 'New',
    body: 'old body',
    original: { title: 'Old', body: 'old body' },
    decision: { by: 'key:ann', action: 'approved', reason: 'better' },
  });
  expect(decided.mission?.mission.title).toBe('New');
});

test('the decision keeps the verdicts and the counts it saw, and the snapshot the policy', async () => {
  await openPolicy(db.database, []);
  await setPolicy(db.database, 'kind_caps', { content: 5 }, 'test');
  const propose = proposer(db.database);
  await propose({ kind: 'content' });
  const { proposal } = await propose({ kind: 'content' });
  expect(proposal.decision?.verdicts).toContainEqual({
    gate: 'kind_caps',
    scope: 'kind:content',
    limit: 5,
    used: 1,
    passed: true,
  });
  expect(proposal.policy_snapshot?.kind_caps).toEqual({ content: 5 });
});

test('a policy that cannot be read decides nothing and stores nothing', async () => {
  const database = db.database;
  await openPolicy(database);
  await database.query(`update ops_policy set value = '{"enabled": "maybe"}' where key = 'auto_approve'`);
  await expect(proposer(database)({ title: 'Undecidable' })).rejects.toMatchObject({
    code: 'policy_unreadable',
  });
  expect(await database.query("select from ops_proposals where title = 'Undecidable'")).toHaveLength(0);
  await setPolicy(database, 'auto_approve', { enabled: true, kinds: [] }, 'test');
});

test('an unknown decision subject is a 404', async () => {
  await expect(
    approve(db.database, '00000000-0000-7000-8000-000000000000', { by: 'x' }),
  ).rejects.toMatchObject({
    code: 'not_found',
  });
});
