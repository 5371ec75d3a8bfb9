import type { Database, Db } from '../db/database.ts';
import { toError } from '../errors.ts';
import { groupBy } from '../lib/group-by.ts';
import { type Verdict, type VerifyOptions, verifyLog } from '../events/proof/verify.ts';
import { type Findings, makeFindings, type RuleResult } from './findings.ts';
import { checkOthers } from './others.ts';
import {
  countAbandoned,
  selectAnswers,
  selectLastPruned,
  selectPolicyHistory,
  selectSameCounts,
  selectSnapshots,
  selectStrays,
  selectThreadEvents,
} from './queries.ts';
import { selectThreadRows } from './row-queries.ts';
import { checkClaims } from './rules/claims.ts';
import { checkDecisions, type PolicyGround } from './rules/decisions.ts';
import { checkEffects } from './rules/done-once.ts';
import { checkMoves } from './rules/legal-moves.ts';
import { checkRows } from './rules/log-is-state.ts';
import { checkMissions } from './rules/missions.ts';
import type { Finding, Rule } from './schema.ts';
import { allThreads, threadsSince } from './pages.ts';
import { type Thread, threadsOf } from './thread.ts';

export type CheckOptions = Omit<VerifyOptions, 'onProgress'> & {
  /** Replays only what happened since this place, which a check before has found to hold. */
  sinceSeq?: number | undefined;
  onProgress?: (progress: CheckProgress) => void;
};
export type CheckProgress = { doing: 'log' | 'threads'; done: number; total: number };

/** Whether a history holds, and if not, where. */
export type Report = {
  ok: boolean;
  rules: RuleResult[];
  /** The first 100. */
  findings: Finding[];
  /** What `opsloop events verify` says. */
  log: Verdict;
  /** From which place on the log was replayed. */
  since_seq: number;
  threads: number;
  events: number;
  notes: string[];
  seconds: number;
};

const ANSWERS_AT_ONCE = 2_000;

/**
 * Decides whether the history in a database holds: verifies the log, replays it, compares it with the tables row by
 * row, and puts each proposal with all that came of it before the rules. Reads page by page, each at one moment, so
 * that it can run beside a server, holds up nobody and needs little memory.
 */
export async function checkHistory(database: Database, options: CheckOptions): Promise<Report> {
  const began = performance.now();
  const { onProgress, signal, sinceSeq = 0, ...verifying } = options;
  const findings = makeFindings();
  const log = await verifyLog(database, {
    ...verifying,
    signal,
    onProgress: ({ seq, total }) => onProgress?.({ doing: 'log', done: seq, total }),
  });
  findings.looked('sealed', log.events.checked + log.events.dropped);
  if (log.offence !== null)
    findings.add('sealed', { entity: 'log', id: 'events' }, `${log.offence.what} ${log.offence.todo}`);

  const total = log.events.checked + log.events.unsealed - sinceSeq;
  const others = await checkOthers(database, { findings, signal });
  const walk = await checkThreads(database, {
    findings,
    pages: sinceSeq === 0 ? allThreads(database) : threadsSince(database, sinceSeq),
    signal,
    onProgress: (done) => onProgress?.({ doing: 'threads', done: Math.min(total, done), total }),
  });
  await database.snapshot((tx) => checkAnswers(tx, findings));
  await checkCounts(database, findings, walk.threads);
  for (const stray of await selectStrays(database))
    findings.add('log_is_state', stray, 'It belongs to no proposal, and no event tells of it.');
  const abandoned = await countAbandoned(database);
  return {
    ok: findings.count() === 0,
    rules: findings.results(),
    findings: findings.kept(),
    log,
    since_seq: sinceSeq,
    threads: walk.threads,
    events: walk.events + others,
    notes: [
      ...log.notes,
      ...(log.events.unsealed > 0
        ? [
            `${log.events.unsealed} events have no seal yet; a running server gives it to them within a second.`,
          ]
        : []),
      ...(abandoned > 0
        ? [`${abandoned} running steps belong to workers that are gone; a running server takes them back.`]
        : []),
    ],
    seconds: Math.round(performance.now() - began) / 1000,
  };
}

type Walk = { findings: Findings; ground: PolicyGround; threads: number; events: number };

/** Puts proposals with all that came of them before the rules. */
export async function checkThreads(
  database: Database,
  given: {
    findings: Findings;
    pages: AsyncIterable<string[]>;
    signal?: AbortSignal | undefined;
    onProgress?: (events: number) => void;
  },
): Promise<Walk> {
  const { findings, pages, signal, onProgress } = given;
  const walk: Walk = {
    findings,
    ground: { history: new Map(), snapshots: new Map() },
    threads: 0,
    events: 0,
  };
  for await (const ids of pages) {
    signal?.throwIfAborted();
    await database.snapshot((tx) => checkPage(tx, walk, ids));
    onProgress?.(walk.events);
  }
  return walk;
}

/** Some threads, all of one moment. */
async function checkPage(tx: Db, walk: Walk, ids: string[]): Promise<void> {
  const { ground } = walk;
  const events = await selectThreadEvents(tx, ids);
  const stored = await selectThreadRows(tx, ids);
  ground.history = groupBy(await selectPolicyHistory(tx), ({ key }) => key);
  const unknown = [...stored.proposals].filter(
    ([, row]) => !ground.snapshots.has(String(row.policy_snapshot)),
  );
  if (unknown.length > 0)
    for (const [digest, policy] of await selectSnapshots(
      tx,
      unknown.map(([id]) => id),
    ))
      ground.snapshots.set(digest, policy);

  for (const thread of threadsOf(ids, events, stored)) judge(thread, walk);
  walk.threads += ids.length;
  walk.events += events.length;
}

/** A rule that cannot make sense of what is stored has found something, too, and the others go on. */
function judge(thread: Thread, { findings, ground }: Walk): void {
  const rules: [Rule, () => void][] = [
    ['legal_moves', () => checkMoves(thread, findings)],
    ['log_is_state', () => checkRows(thread, findings)],
    ['one_claim', () => checkClaims(thread, findings)],
    ['missions_end_once', () => checkMissions(thread, findings)],
    ['done_once', () => checkEffects(thread, findings)],
    ['decisions', () => checkDecisions(thread, ground, findings)],
  ];
  for (const [rule, check] of rules) {
    try {
      check();
    } catch (error) {
      const what = `It cannot be judged: ${toError(error).message}`;
      findings.add(rule, { entity: 'proposal', id: thread.id }, what, thread.events.slice(0, 1));
    }
  }
}

/** Whether the counters went on from each admission to the next, whatever the rows of the counters say now. */
async function checkCounts(database: Database, findings: Findings, threads: number): Promise<void> {
  findings.looked('caps', threads);
  for (const { day, scope, used, count, proposals } of await selectSameCounts(database))
    findings.add(
      'caps',
      { entity: 'counter', id: `${scope} ${day}` },
      `${count} proposals were admitted when ${used} were used: ${proposals.join(', ')}${count > 3 ? ', …' : ''}.`,
    );
}

/** What was answered to a caller was acknowledged, so it must be there. */
async function checkAnswers(tx: Db, findings: Findings): Promise<void> {
  const pruned = await selectLastPruned(tx);
  for (let after: { owner: string; key: string } | null = null; ; ) {
    const answers = await selectAnswers(tx, after, pruned, ANSWERS_AT_ONCE);
    findings.looked('nothing_lost', answers.length);
    for (const { owner, idempotency_key, proposal_id, known } of answers)
      if (!known)
        findings.add(
          'nothing_lost',
          { entity: 'proposal', id: proposal_id },
          `It was answered to ${owner} for the Idempotency-Key ${idempotency_key}, and is not there.`,
        );
    const last = answers.at(-1);
    if (last === undefined) return;
    after = { owner: last.owner, key: last.idempotency_key };
  }
}
