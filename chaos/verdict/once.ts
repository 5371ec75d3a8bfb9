import { type Facts, type Finding, setOf } from './facts.ts';

const ENDS_ONCE = ['step.completed', 'mission.completed', 'mission.failed', 'proposal.completed'];

/** What may happen once has happened once, and each result is that of the newest claim. */
export function findTwice({ log, steps }: Pick<Facts, 'log' | 'steps'>): Finding[] {
  const ends = new Map<string, number>();
  const claims = new Map<string, number>();
  const results = new Map<string, unknown>();
  for (const event of log) {
    const id = event.entity_id ?? '';
    if (event.kind === 'step.started') claims.set(id, (claims.get(id) ?? 0) + 1);
    if (event.kind === 'step.completed') results.set(id, setOf(event, 'attempt'));
    if (!ENDS_ONCE.includes(event.kind)) continue;
    // A mission ends in one of two ways.
    const name = `${event.kind.startsWith('mission.') ? 'the end of mission' : event.kind} ${id}`;
    ends.set(name, (ends.get(name) ?? 0) + 1);
  }
  const twice = [...ends].filter(([, times]) => times > 1);
  const wrong = steps.flatMap(({ id, attempt }) => {
    const [claimed = 0, result] = [claims.get(id), results.get(id)];
    if (claimed !== attempt)
      return [`step ${id} was claimed ${claimed} times and counts ${attempt} attempts`];
    if (result !== undefined && result !== attempt)
      return [
        `step ${id} took the result of attempt ${JSON.stringify(result)} after attempt ${attempt} had begun`,
      ];
    return [];
  });
  return [...twice.map(([name, times]) => `${name} happened ${times} times`), ...wrong].map((what) => ({
    rule: 'once',
    what,
  }));
}
