import type { ClaimRef } from '../engine/schema.ts';

/** A claim that we do not know of for so long is one whose answer was lost; until then it may be on its way. */
const LOST_AFTER_MS = 2_000;

/** Finds the claims of ours that only the database knows of. */
export function makeUnknownClaims(now: () => number = () => performance.now()) {
  const since = new Map<string, number>();
  return {
    /** Those that were unknown before as well, long enough to be lost. */
    lostOf(held: readonly ClaimRef[], isKnown: (claimId: string) => boolean): ClaimRef[] {
      const unknown = held.filter((ref) => !isKnown(ref.claim_id));
      const still = new Set(unknown.map((ref) => ref.claim_id));
      for (const id of since.keys()) if (!still.has(id)) since.delete(id);
      return unknown.filter(({ claim_id: id }) => {
        if (!since.has(id)) since.set(id, now());
        return now() - (since.get(id) ?? 0) >= LOST_AFTER_MS;
      });
    },
  };
}
