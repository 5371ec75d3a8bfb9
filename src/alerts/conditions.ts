import type { Problem } from '../health/health.ts';
import type { Caps, Use } from '../overview/schema.ts';
import type { Condition } from './schema.ts';

/** What an operator asked for is no alarm. */
const ON_PURPOSE = ['paused'];

/** What is not as it should be, by what health and the caps of today say. */
export function conditionsOf(problems: readonly Problem[], caps: Caps): Condition[] {
  const found = [
    ...problems.filter(({ code }) => !ON_PURPOSE.includes(code)).map(toCondition),
    ...reached(caps),
  ];
  // Of two with one key the first stands.
  return [...new Map(found.toReversed().map((one) => [one.key, one])).values()].toReversed();
}

function toCondition({ code, message }: Problem): Condition {
  return { key: `problem:${code}`, topic: `problem.${code}`, message };
}

function reached({ day, resets_at, proposals, tokens, agents, kinds }: Caps): Condition[] {
  const until = `until ${resets_at.toISOString()}`;
  const cap = (scope: string, what: string, use: Use | null, of: 'proposals' | 'tokens') =>
    // A cap of 0 is a prohibition and not an alarm.
    use === null || use.limit === 0 || use.used < use.limit
      ? []
      : [
          {
            key: `cap:${of}:${scope}:${day}`,
            topic: of === 'tokens' ? 'cap.tokens' : 'cap.reached',
            message: `${what} reached the cap of ${use.limit} ${of} a day, ${until}.`,
          },
        ];
  return [
    ...cap('total', 'All agents together', proposals, 'proposals'),
    ...cap('total', 'All agents together', tokens, 'tokens'),
    ...agents.flatMap((agent) => [
      ...cap(agent.agent_id, `The agent ${agent.agent_id}`, agent.proposals, 'proposals'),
      ...cap(agent.agent_id, `The agent ${agent.agent_id}`, agent.tokens, 'tokens'),
    ]),
    ...kinds.flatMap((kind) => cap(`kind ${kind.kind}`, `The kind ${kind.kind}`, kind, 'proposals')),
  ];
}
