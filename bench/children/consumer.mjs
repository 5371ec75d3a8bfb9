import { offer } from '../lib/children.mjs';
import { nowMs } from '../lib/clock.mjs';
import { percentiles } from '../lib/report.mjs';
import { bySpec } from '../participants/by-spec.mjs';

/** A process with workers of one participant. Jobs carry a mark: whose they are and when they were sent. */
let consumer;
let started = 0;
const waits = new Map();
/** What claiming asks of the database: the claim itself, and looking where work is. */
const asked = { opsloop_claim: [], opsloop_lanes: [], opsloop_peek: [] };

const onStart = (mark) => {
  started++;
  const [group, sentAt] = mark.split(' ');
  if (!waits.has(group)) waits.set(group, []);
  waits.get(group).push(nowMs() - Number(sentAt));
};
const onQuery = (name, began, ms) => {
  asked[name]?.push({ began, ms });
};

offer({
  async start({ spec, url, options }) {
    const isOurs = spec[0] === 'opsloop';
    consumer = await bySpec(spec).consume(url, { ...options, onStart, ...(isOurs ? { onQuery } : {}) });
  },
  /** Works off what there is, together with others; returns when the last completion was committed. */
  async drain({ spec, url, options }) {
    const began = nowMs();
    return began + 1_000 * (await bySpec(spec).drain(url, options));
  },
  /** Answered once all that it needs is loaded. */
  ready: () => undefined,
  started: () => started,
  forget() {
    waits.clear();
    for (const times of Object.values(asked)) times.length = 0;
  },
  waits: () => Object.fromEntries([...waits].map(([group, values]) => [group, percentiles(values)])),
  /** How long some statements took, by when they began, in windows of equal length. */
  times({ names, from, windowMs, windows }) {
    const all = names.flatMap((name) => asked[name]);
    return Array.from({ length: windows }, (_, n) => {
      const isInside = ({ began }) => began >= from + n * windowMs && began < from + (n + 1) * windowMs;
      return percentiles(all.filter(isInside).map(({ ms }) => ms));
    });
  },
  stop: () => consumer?.stop(),
});
