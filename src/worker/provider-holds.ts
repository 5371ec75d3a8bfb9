/**
 * Which providers asked to be left alone or did not answer, and until when: their steps are not claimed so long,
 * for a claim that can only be given back costs two events and helps nobody.
 */
export type ProviderHolds = {
  /** @param provider absent: whatever serves those who name no model */
  hold(provider: string | undefined, ms: number): void;
  isHeld(provider: string | null): boolean;
};

const DEFAULT = '';

export function makeProviderHolds(now: () => number = () => performance.now()): ProviderHolds {
  const until = new Map<string, number>();
  return {
    hold(provider, ms) {
      const key = provider ?? DEFAULT;
      // A short hold does not end a longer one.
      until.set(key, Math.max(until.get(key) ?? 0, now() + ms));
    },
    isHeld: (provider) => (until.get(provider ?? DEFAULT) ?? 0) > now() || (until.get(DEFAULT) ?? 0) > now(),
  };
}
