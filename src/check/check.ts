import type { Database, Db } from '../db/database.ts';
import { type Verdict, type VerifyOptions, verifyLog } from '../events/proof/verify.ts';
import { type Findings, makeFindings, type RuleResult } from './findings.ts';
import { checkOthers } from './others.ts';
import {
  countAbandoned,
  selectAnswers,
  selectLastPruned,
  selectPolicyHistory,
  selectSnapshots,
  selectStrays,
  selectThreadEvents,
  selectThreadIds,
  selectThreadRows,
} from './queries.ts';
import { checkClaims } from './rules/claims.ts';
import { checkDecisions, type PolicyGround } from './rules/decisions.ts';
import { checkEffects } from './rules/done-once.ts';
import { type Moves, followMoves } from './rules/legal-moves.ts';
import { checkRows } from './rules/log-is-state.ts';
import { checkMissions } from './rules/missions.ts';
import type { Finding } from './schema.ts';
import { threadsOf } from './thread.ts';

export type CheckOptions = Omit<VerifyOptions, 'onProgress'> & {
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
  threads: number;
  events: number;
  notes: string[];
  seconds: number;
};

const LOWEST_ID = '00000000-0000-0000-0000-000000000000';
const THREADS_AT_ONCE = 200;
const ANSWERS_AT_ONCE = 2_000;

/**
 * Decides whether the history in a database holds: verifies the log, replays it, compares it with the tables row by
 * row, and puts each proposal with all that came of it before the rules. Reads page by page, each at one moment, so
 * that it can run beside a server, holds up nobody and needs little memory.
 */
export async function checkHistory(database: Database, options: CheckOptions): Promise<Report> {
  const began = performance.now();
  const { onProgress, signal, ...verifying } = options;
  const findings = makeFindings();
  const log = await verifyLog(database, {
    ...verifying,
    signal,
    onProgress: ({ seq, total }) => onProgress?.({ doing: 'log', done: seq, total }),
  });
  findings.looked('sealed', log.events.checked + log.events.dropped);
  if (log.offence !== null)
    findings.add('sealed', { entity: 'log', id: 'events' }, `${log.offence.what} ${log.offence.todo}`);

  const moves = followMoves(findings);
  const total = log.events.checked + log.events.unsealed;
  const others = await checkOthers(database, { findings, moves, signal });
  const walk = await checkThreads(database, {
    findings,
    moves,
    signal,
    onProgress: (done) => onProgress?.({ doing: 'threads', done: Math.min(total, done), total }),
  });
  moves.end();
  await checkAnswers(database, findings);
  for (const stray of await selectStrays(database))
    findings.add('log_is_state', stray, 'It belongs to no proposal.');
  const abandoned = await countAbandoned(database);
  return {
    ok: findings.count() === 0,
    rules: findings.results(),
    findings: findings.kept(),
    log,
    threads: walk.threads,
    events: walk.events + others,
    notes: [
      ...log.notes,
      ...(abandoned > 0
        ? [`${abandoned} running steps belong to workers that are gone; a running server takes them back.`]
        : []),
    ],
    seconds: Math.round(performance.now() - began) / 1000,
  };
}

type Walk = { findings: Findings; moves: Moves; ground: PolicyGround; threads: number; events: number };

/** Puts each proposal with all that came of it before the rules, or only those whose ids come `after` one. */
export async function checkThreads(
  database: Database,
  given: Pick<Walk, 'findings' | 'moves'> & {
    after?: string;
    signal?: AbortSignal | undefined;
    onProgress?: (events: number) => void;
  },
): Promise<Walk> {
  const { findings, moves, after, signal, onProgress } = given;
  const walk: Walk = {
    findings,
    moves,
    ground: { history: [], snapshots: new Map() },
    threads: 0,
    events: 0,
  };
  for (let last: string | null = after ?? LOWEST_ID; ; ) {
    signal?.throwIfAborted();
    last = await database.snapshot((tx) => checkPage(tx, walk, last ?? LOWEST_ID));
    if (last === null) return walk;
    onProgress?.(walk.events);
  }
}

/** The next threads, all of one moment. Returns the last one's id; null at the end. */
async function checkPage(tx: Db, walk: Walk, after: string): Promise<string | null> {
  const { findings, moves, ground } = walk;
  const ids = await selectThreadIds(tx, after, THREADS_AT_ONCE);
  if (ids.length === 0) return null;
  const events = await selectThreadEvents(tx, ids);
  const stored = await selectThreadRows(tx, ids);
  ground.history = await selectPolicyHistory(tx);
  const unknown = [...stored.proposals].filter(
    ([, row]) => !ground.snapshots.has(String(row.policy_snapshot)),
  );
  if (unknown.length > 0)
    for (const [digest, policy] of await selectSnapshots(
      tx,
      unknown.map(([id]) => id),
    ))
      ground.snapshots.set(digest, policy);

  for (const thread of threadsOf(ids, events, stored)) {
    for (const event of thread.events)
      if (event.entity === 'proposal' || event.entity === 'mission' || event.entity === 'step')
        moves.follow(event);
    checkRows(thread, findings);
    checkClaims(thread, findings);
    checkMissions(thread, findings);
    checkEffects(thread, findings);
    checkDecisions(thread, ground, findings);
  }
  walk.threads += ids.length;
  walk.events += events.length;
  return ids.at(-1) ?? null;
}

/** What was answered to a caller was acknowledged, so it must be there. */
async function checkAnswers(database: Database, findings: Findings): Promise<void> {
  const pruned = await selectLastPruned(database);
  for (let after: { owner: string; key: string } | null = null; ; ) {
    const answers = await selectAnswers(database, after, pruned, ANSWERS_AT_ONCE);
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
