import { headsFile, isSignedBy, readHeads, type SignedHead } from './heads.ts';
import type { Verifier } from './key.ts';
import { type Offence, offence } from './offence.ts';
import type { Batch } from './queries.ts';

/** The heads that a home has signed, to be held against a chain as it is walked. */
export type KnownHeads = {
  /** Holds the heads up to the end of this batch against it. */
  compare(batch: Pick<Batch, 'first_seq' | 'last_seq' | 'hash'>): Offence | null;
  /** What is left when the chain has been walked to its end. */
  finish(endSeq: number): Offence | null;
  compared(): number;
  notes(): string[];
};

/** @param installation of the database that is looked at; null while nothing is sealed there */
export async function readKnownHeads(
  home: string,
  verifiers: readonly Verifier[],
  installation: string | null,
): Promise<KnownHeads> {
  const heads: SignedHead[] = [];
  let [broken, unchecked, compared] = [0, 0, 0];
  let foreign: Offence | null = null;
  let forged: Offence | null = null;
  for await (const { line, head } of readHeads(home)) {
    if (head === null) {
      broken++;
      continue;
    }
    const verifier = verifiers.find(({ id }) => id === head.key);
    if (verifier === undefined) unchecked++;
    else if (!isSignedBy(verifier, head)) {
      forged ??= offence(
        'head_altered',
        `Line ${line} of ${headsFile(home)} (event ${head.seq}) does not have the signature of its key.`,
        { seq: head.seq },
      );
      continue;
    }
    if (installation !== null && head.installation !== installation) {
      foreign ??= offence(
        'other_log',
        `The head of event ${head.seq}, signed at ${head.at}, is of the log ${head.installation}; this database has the log ${installation}.`,
        { seq: head.seq },
      );
      continue;
    }
    heads.push(head);
  }
  heads.sort((a, b) => a.seq - b.seq);
  let at = 0;
  let good: SignedHead | null = null;

  return {
    compare(batch) {
      for (let head = heads[at]; head !== undefined && head.seq <= batch.last_seq; head = heads[++at]) {
        if (head.seq < batch.last_seq || head.hash !== batch.hash.toString('hex')) {
          const from = good === null ? 1 : good.seq + 1;
          return offence(
            'rewritten',
            `The chain is not the one whose head was signed at ${head.at}: events ${from} to ${head.seq} were other ones, or sealed otherwise, when this home signed them.`,
            { seq: from, batch },
          );
        }
        good = head;
        compared++;
      }
      return null;
    },
    finish(endSeq) {
      const head = heads[at];
      if (head === undefined) return foreign ?? forged;
      return offence(
        'cut_off',
        `The log ends with event ${endSeq}, but at ${head.at} this home signed that it went on to ${head.seq}.`,
        { seq: endSeq + 1 },
      );
    },
    compared: () => compared,
    notes: () =>
      [
        broken > 0 &&
          `${broken} ${broken === 1 ? 'line' : 'lines'} of ${headsFile(home)} ended in the middle (a crash does that) and ${broken === 1 ? 'was' : 'were'} passed over.`,
        unchecked > 0 &&
          `${unchecked} signed heads were compared with the chain, but not their signatures: their key is not in this home.`,
        heads.length === 0 &&
          foreign === null &&
          `There is no signed head in ${headsFile(home)}: a log that was rewritten as a whole would not be noticed.`,
      ].filter((note) => typeof note === 'string'),
  };
}
