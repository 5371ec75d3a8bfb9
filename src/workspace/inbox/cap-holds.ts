/** A cap that keeps files waiting, as the proposal service named it. */
export type CapHold = { scope: string; gate: string; limit: number; resetsAt: string };

const PROBE_MS = 60_000;

/**
 * Caps that were met. Files they hold are left alone until the cap can have changed, so that ten thousand
 * waiting files cost one refusal a minute and no rejected rows.
 */
export type CapHolds = {
  hold(hold: CapHold): void;
  holds(file: { agentId: string; kind: string } | null): CapHold | null;
  clear(): void;
};

export function makeCapHolds(): CapHolds {
  const held = new Map<string, CapHold & { until: number }>();
  return {
    hold(hold) {
      const left = Date.parse(hold.resetsAt) - Date.now();
      held.set(hold.scope, { ...hold, until: performance.now() + Math.min(PROBE_MS, Math.max(1_000, left)) });
    },
    holds(file) {
      const scopes = ['total', ...(file ? [`agent:${file.agentId}`, `kind:${file.kind}`] : [])];
      for (const scope of scopes) {
        const hold = held.get(scope);
        if (hold && hold.until > performance.now()) return hold;
      }
      return null;
    },
    clear: () => held.clear(),
  };
}
