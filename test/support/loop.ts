import type { Database } from '../../src/db/database.ts';
import { anyUnsealed, selectHead, selectSealed } from '../../src/events/queries.ts';
import type { EventRow } from '../../src/events/schema.ts';
import { sealOnce } from '../../src/events/sealer.ts';
import { makeQueue, type Queue } from '../../src/engine/queue.ts';
import { type Claim, type FreeSlots, LEASE_MS } from '../../src/engine/schema.ts';
import { registerWorker } from '../../src/engine/workers.ts';
import { toAnswer } from '../../src/loop/answer.ts';
import { makeCreateProposal } from '../../src/loop/propose.ts';
import type { Admission, ProposalRequest } from '../../src/loop/schema.ts';
import { DEFAULT_POLICY, type Policy } from '../../src/policy/schema.ts';
import { setPolicy } from '../../src/policy/policy.ts';

/** The proposal service with everything but the body of a test filled in. */
export function proposer(database: Database): (request?: Partial<ProposalRequest>) => Promise<Admission> {
  const create = makeCreateProposal(database, toAnswer);
  return async (request = {}) => {
    const result = await create({
      agentId: 'research',
      kind: 'analysis',
      title: 'Look into it',
      body: 'One fact. Another fact.',
      by: 'test',
      ...request,
    });
    if ('repeated' in result) throw new Error('this was a repeat');
    return result.admission;
  };
}

/** Raises every cap out of the way, and lets policy approve the kinds named. */
export async function openPolicy(database: Database, autoApprove: string[] = ['analysis']): Promise<void> {
  const values: Partial<Policy> = {
    daily_caps: { timezone: 'UTC', per_agent: 1_000_000, total: 1_000_000 },
    kind_caps: {},
    auto_approve: { enabled: true, kinds: autoApprove },
  };
  for (const [key, value] of Object.entries({ ...DEFAULT_POLICY, ...values }))
    await setPolicy(database, key, value, 'test');
}

/** A worker that a test moves by hand. */
export async function testWorker(database: Database, workerId = `w-${Math.random().toString(36).slice(2)}`) {
  await registerWorker(database, { workerId, host: 'test', pid: 1, version: '0', kinds: { analyze: 100 } });
  // Each with no memory of the queue, so that nothing is found late.
  const claim = (kind = 'analyze', slots = 1) => claimFrom(makeQueue(database), workerId, { [kind]: slots });
  return {
    workerId,
    claim,
    async claimOne(kind = 'analyze'): Promise<Claim> {
      const [claimed] = await claim(kind, 1);
      if (!claimed) throw new Error(`no step of kind ${kind} can be claimed`);
      return claimed;
    },
  };
}

/** All that can be claimed for the free slots, as a worker claims that was just told to look. */
export async function claimFrom(queue: Queue, workerId: string, free: FreeSlots): Promise<Claim[]> {
  const all: Claim[] = [];
  const left = { ...free };
  queue.changed();
  for (let before = -1; all.length > before; ) {
    before = all.length;
    await queue.claim(workerId, left, (claims) => {
      all.push(...claims);
      for (const { kind } of claims) left[kind] = (left[kind] ?? 0) - 1;
    });
  }
  return all;
}

/** Until every event has its seal, also when another sealer is at it. */
export async function sealAll(database: Database): Promise<void> {
  await eventually(async () => {
    await sealOnce(database);
    return !(await anyUnsealed(database));
  });
}

/** The whole log in its order, once everything in it has its seal. */
export async function readLog(database: Database): Promise<EventRow[]> {
  await sealAll(database);
  const { seq } = await selectHead(database);
  return selectSealed(database, {}, { fromSeq: 1, throughSeq: seq });
}

/** Leases hold for a while after the server's start, whatever they say. */
export async function untilLeasesEnd(database: Database): Promise<void> {
  await eventually(async () => {
    const [row] = await database.query<{ over: boolean }>(
      `select clock_timestamp() > pg_postmaster_start_time() + $1 * interval '1 ms' as over`,
      [LEASE_MS],
    );
    return row?.over;
  });
}

/** Waits until a condition holds, asking often; fails after the deadline instead of hanging. */
export async function eventually<T>(
  look: () => Promise<T | false | null | undefined>,
  deadlineMs = 15_000,
): Promise<T> {
  const until = performance.now() + deadlineMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (performance.now() > until) throw new Error(`it did not happen within ${deadlineMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
