import { offer } from '../lib/children.mjs';
import { nowMs } from '../lib/clock.mjs';
import { percentiles } from '../lib/report.mjs';
import { bySpec } from '../participants/by-spec.mjs';

/** A process with workers of one participant. Jobs carry a mark: whose they are and when they were sent. */
let consumer;
let started = 0;
const waits = new Map();
const claims = { at: [], ms: [] };

const onStart = (mark) => {
  started++;
  const [group, sentAt] = mark.split(' ');
  if (!waits.has(group)) waits.set(group, []);
  waits.get(group).push(nowMs() - Number(sentAt));
};
const onQuery = (name, began, ms) => {
  if (name !== 'opsloop_claim') return;
  claims.at.push(began);
  claims.ms.push(ms);
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
    claims.at = [];
    claims.ms = [];
  },
  waits: () => Object.fromEntries([...waits].map(([group, values]) => [group, percentiles(values)])),
  /** Claims by when they began, in windows of equal length. */
  claims({ from, windowMs, windows }) {
    return Array.from({ length: windows }, (_, n) => {
      const isInside = (at) => at >= from + n * windowMs && at < from + (n + 1) * windowMs;
      return percentiles(claims.ms.filter((_ms, i) => isInside(claims.at[i])));
    });
  },
  stop: () => consumer?.stop(),
});
