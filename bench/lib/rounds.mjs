import { summary } from './report.mjs';

/**
 * Measures every participant once in each round, so that whatever else the machine does meets all of them alike.
 * `measure` returns numbers by name.
 */
export async function inRounds({ rounds, participants, progress, title }, measure) {
  const found = participants.map((participant) => ({ participant, results: [] }));
  for (let round = 1; round <= rounds; round++) {
    for (const { participant, results } of found) {
      progress(`${title}, round ${round} of ${rounds}: ${participant.name}`);
      results.push(await measure(participant));
    }
  }
  return found;
}

/** Rows of a table: of each participant what `names` picks. `names` maps names of numbers to how a row is called. */
export function rowsOf(found, names) {
  return found.flatMap(({ participant, results }) =>
    Object.entries(names)
      .filter(([name]) => results.every((result) => Number.isFinite(result[name])))
      .map(([name, measure]) => ({
        participant: participant.name,
        ...(measure ? { measure } : {}),
        ...(participant.keeps ? { keeps: participant.keeps } : {}),
        result: summary(results.map((result) => result[name])),
      })),
  );
}
