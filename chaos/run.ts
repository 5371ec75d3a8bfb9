import { makeMeans, send } from './clients/api.ts';
import { type Load, startLoad } from './clients/load.ts';
import { strikeAll, type Struck } from './faults/strike-all.ts';
import type { Planned } from './plan.ts';
import type { Stage } from './stage/stage.ts';
import { type Drained, drain } from './verdict/drain.ts';
import { sleep } from './lib/time.ts';

/** Nothing in the way of the load; what fails is tried often, but ends within the time of the drain. */
const POLICY = {
  daily_caps: { timezone: 'UTC', per_agent: 1_000_000, total: 1_000_000 },
  kind_caps: {},
  token_caps: { per_agent: 1e12, total: 1e12 },
  auto_approve: { enabled: true, kinds: ['analysis', 'errand', 'content'] },
  stale_steps: { after_minutes: 30, max_failures: 5 },
  plans: {
    analysis: ['analyze'],
    errand: ['carry'],
    content: ['analyze', 'generate', 'review', 'publish'],
    deploy: ['analyze', 'carry'],
  },
};

export type Run = { startedAt: number; struck: Struck[]; drained: Drained; load: Load };

/** The load, the faults, the healing and the drain. */
export async function run(
  stage: Stage,
  plan: readonly Planned[],
  options: { seed: number; minutes: number; say(text: string): void; signal: AbortSignal },
): Promise<Run> {
  const { seed, minutes, say, signal } = options;
  await setPolicies(stage, seed);
  const startedAt = Date.now();
  const load = startLoad(stage, seed);
  const until = performance.now() + minutes * 60_000;
  const struck = await strikeAll(stage, plan, say, signal);
  await sleep(Math.max(0, until - performance.now()), signal);
  say('no more faults; what is left is worked off');
  const drained = await drain(stage, load, signal);
  say(
    drained.ms === null
      ? 'not everything came to an end'
      : `all missions have ended after ${Math.round(drained.ms / 1_000)} s`,
  );
  return { startedAt, struck, drained, load };
}

async function setPolicies({ urls, apiKey }: Stage, seed: number): Promise<void> {
  const given = { urls, apiKey, history: { entries: [], invoke: () => () => undefined } };
  const means = makeMeans({ ...given, stopping: new AbortController().signal }, seed);
  for (const [key, value] of Object.entries(POLICY)) {
    const answer = await send(means, { method: 'PUT', path: `/api/ops/policy/${key}`, body: { value } });
    if (answer.outcome !== 'ok') throw new Error(`The policy ${key} was not set: ${answer.message}`);
  }
}
