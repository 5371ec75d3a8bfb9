import type { Reply } from '../../test/support/ollama-server.ts';
import { SERVERS } from '../stage/cast.ts';
import type { Model } from '../stage/model.ts';
import type { Stage } from '../stage/stage.ts';
import { sleep } from '../lib/time.ts';
import type { Fault, Strike } from './fault.ts';
import { countUnwritten } from './queries.ts';

const FLOOD_BYTES = 200 * 1_048_576;
/** A flood of less is none. */
const FLOODED_BYTES = 1_048_576;
const BEATS_EVERY_MS = 300;

/** What a hostile or broken server of language models answers. */
const ANSWERS: Record<string, Reply | ((model: Model) => Reply)> = {
  hang: { hang: 'before-headers' },
  'hang-mid-stream': { text: 'half an', hang: 'mid-stream' },
  drip: { text: 'x', dripMs: 1_000 },
  flood: { flood: { bytes: FLOOD_BYTES } },
  redirect: ({ trap }) => ({ status: 302, error: 'elsewhere', headers: { location: trap.url } }),
  'hostile-text': { text: ['\u0000', ' a lone \ud800 surrogate', ' \u0000'] },
  'rate-limit': { status: 429, error: 'too many requests', headers: { 'retry-after': '3' } },
  'server-error': { status: 500, error: 'out of memory' },
  reset: { text: 'half an', end: 'cut' },
};

const modelFault = ([name, reply]: [string, (typeof ANSWERS)[string]]): Fault => ({
  name: `model-${name}`,
  lane: 'surroundings',
  targets: ['model'],
  seconds: 4,
  async strike({ model }) {
    const before = model.bad();
    let after: ReturnType<Model['bad']> | null = null;
    model.misbehave(typeof reply === 'function' ? reply(model) : reply);
    return {
      async end() {
        model.misbehave(null);
        after = model.bad();
      },
      evidence() {
        const { answers, bytes } = after ?? model.bad();
        const times = answers - before.answers;
        const sent = bytes - before.bytes;
        if (times === 0 || (name === 'flood' && sent < FLOODED_BYTES)) return null;
        return `${times} answers of this kind, ${(sent / 1e6).toFixed(1)} MB`;
      },
    };
  },
});

const leave = async ({ model }: Stage): Promise<Strike> => {
  await model.leave();
  const refused = await fetch(model.url, { signal: AbortSignal.timeout(1_000) }).then(
    () => false,
    () => true,
  );
  return {
    end: () => model.comeBack(),
    evidence: () => (refused ? 'nothing listened at its address' : null),
  };
};

/** In every process at the same moment, again and again. */
const beatEverywhere = async ({ urls, apiKey }: Stage): Promise<Strike> => {
  const stop = new AbortController();
  let rounds = 0;
  const beat = (url: string) =>
    fetch(`${url}/api/ops/heartbeat`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: '{}',
      signal: AbortSignal.timeout(5_000),
    }).then(async (answer) => {
      await answer.body?.cancel();
      return answer.ok;
    });
  const beatAll = async () => {
    const beats = await Promise.all(urls.map((url) => beat(url).catch(() => false)));
    // One that is down at the time cannot beat; two at once are what it is about.
    if (beats.filter(Boolean).length > 1) rounds++;
  };
  const keepBeating = async () => {
    const all: Promise<void>[] = [];
    // One that does not answer does not hold up the next round.
    for (; !stop.signal.aborted; await sleep(BEATS_EVERY_MS, stop.signal)) all.push(beatAll());
    await Promise.all(all);
  };
  const beating = keepBeating();
  return {
    async end() {
      stop.abort();
      await beating;
    },
    evidence: () => (rounds > 0 ? `${rounds} rounds in which several servers beat at once` : null),
  };
};

const fillWorkspace = async (stage: Stage): Promise<Strike> => {
  const places = SERVERS.map((name) => ({ actor: stage.actor(name), place: stage.actor(name).said() }));
  stage.volumes.workspace.fill();
  return {
    end: async () => stage.volumes.workspace.free(),
    async evidence() {
      const told = places.filter(({ actor, place }) => actor.saidSince(place).includes('The disk is full'));
      const waiting = await countUnwritten(stage.database);
      return told.length > 0
        ? `${told.map(({ actor }) => actor.name).join()} said that the disk is full; ${waiting} outputs waited`
        : null;
    },
  };
};

export const SURROUNDING_FAULTS: Fault[] = [
  ...Object.entries(ANSWERS).map(modelFault),
  { name: 'model-late-start', lane: 'surroundings', targets: ['model'], seconds: 4, strike: leave },
  {
    name: 'heartbeats-at-once',
    lane: 'surroundings',
    targets: ['all servers'],
    seconds: 6,
    strike: beatEverywhere,
  },
  {
    name: 'disk-full-workspace',
    lane: 'surroundings',
    targets: ['the workspace'],
    seconds: 8,
    strike: fillWorkspace,
  },
];
