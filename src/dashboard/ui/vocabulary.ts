/** How a state looks and what it is called; a sign beside the word, so that it never depends on colour alone. */
export type Tone = 'good' | 'warn' | 'bad' | 'info' | 'plain';

const TONES: Record<string, { tone: Tone; sign: string }> = {
  pending: { tone: 'warn', sign: '?' },
  approved: { tone: 'info', sign: '▸' },
  rejected: { tone: 'bad', sign: '✕' },
  completed: { tone: 'good', sign: '✓' },
  succeeded: { tone: 'good', sign: '✓' },
  failed: { tone: 'bad', sign: '✕' },
  cancelled: { tone: 'plain', sign: '⊘' },
  active: { tone: 'info', sign: '▸' },
  queued: { tone: 'plain', sign: '…' },
  running: { tone: 'info', sign: '▸' },
  ok: { tone: 'good', sign: '✓' },
  error: { tone: 'bad', sign: '✕' },
  degraded: { tone: 'warn', sign: '!' },
  alive: { tone: 'good', sign: '✓' },
  died: { tone: 'bad', sign: '✕' },
  stopped: { tone: 'plain', sign: '⊘' },
  paused: { tone: 'warn', sign: '‖' },
};

export function lookOf(state: string): { tone: Tone; sign: string } {
  return Object.hasOwn(TONES, state) ? (TONES[state] ?? PLAIN) : PLAIN;
}

const PLAIN = { tone: 'plain', sign: '·' } as const;
