import type { Load } from '../clients/load.ts';
import type { Struck } from '../faults/strike-all.ts';
import type { Stage } from '../stage/stage.ts';
import { findDoubled, findUnkept } from './acknowledged.ts';
import { checkHistory } from './check-history.ts';
import type { Drained } from './drain.ts';
import { findWrongExits } from './exits.ts';
import type { Facts, Finding } from './facts.ts';
import { findBloated } from './memory.ts';
import { findTwice } from './once.ts';
import { findWrongOutputs } from './outputs.ts';
import { readFacts } from './queries.ts';
import { findReruns, type Rerun, tooSlow } from './recovery.ts';
import { findTailBreaks } from './tails.ts';
import { findTrivial } from './trivial.ts';

export type Verdict = {
  facts: Facts;
  reruns: Rerun[];
  /** Bytes, by program. */
  peaks: ReadonlyMap<string, number>;
  violations: Finding[];
  trivial: string[];
};

/** Everything that is known of the run, held against everything that must be so. No program may run any more. */
export async function judge(
  stage: Stage,
  load: Load,
  given: { struck: readonly Struck[]; drained: Drained; killed: readonly string[]; minutes: number },
): Promise<Verdict> {
  const { struck, drained, killed, minutes } = given;
  const { entries } = load.history;
  const facts = await readFacts(stage.database);
  const reruns = findReruns(facts.log, struck);
  const violations = [
    ...drained.findings,
    ...killed.map((name) => ({ rule: 'shutdown', what: `${name} did not end when it was told to` })),
    ...stage.actors.flatMap(({ name, boots, saidSince }) =>
      findWrongExits({ name, boots, log: saidSince(0) }),
    ),
    ...findBloated(
      stage.memory,
      stage.actors.map(({ name }) => name),
    ),
    ...findVisits(stage.model.trap.visits()),
    ...(await checkHistory(stage.database, stage.homes)),
    ...findUnkept(entries, facts),
    ...findDoubled(entries, facts),
    ...findTwice(facts),
    ...load.tails.flatMap((tail) => findTailBreaks(tail, facts.log, drained.throughSeq)),
    ...findWrongOutputs(stage.volumes.workspace.path, facts.artefacts),
    ...tooSlow(reruns).map(({ fault, target, slowestMs }) => ({
      rule: 'recovery',
      what: `after ${fault} of ${target} a step waited ${Math.round(slowestMs / 1_000)} s, though the database was there`,
    })),
  ];
  const trivial = findTrivial({ struck, entries, log: facts.log, reruns, minutes });
  return { facts, reruns, peaks: stage.memory, violations, trivial };
}

/** A server of language models must not be able to send a program to where only it can go. */
function findVisits(visits: number): Finding[] {
  return visits === 0
    ? []
    : [{ rule: 'redirect', what: `a redirect of the model was followed ${visits} times` }];
}
