import { offer } from '../lib/children.mjs';
import { nowMs, pause, somePause } from '../lib/clock.mjs';
import { openClient } from '../lib/http-client.mjs';
import { percentiles } from '../lib/report.mjs';

/** Clients of the API in a process of their own, so that what they cost is not the server's. */
const QUIET_MS = 1_000;

/** So many clients, each with its connection, do `one` until there is nothing left. Returns the requests a second. */
async function rate(url, clients, requests, one) {
  const client = openClient(url, { connections: clients });
  let left = requests;
  const work = async () => {
    while (left-- > 0) await one(client, left);
  };
  const began = nowMs();
  await Promise.all(Array.from({ length: clients }, work));
  const seconds = (nowMs() - began) / 1_000;
  client.close();
  return requests / seconds;
}

offer({
  posts: ({ url, clients, requests }) =>
    rate(url, clients, requests, (client, n) => client.propose(`Request ${n}`)),
  gets: ({ url, clients, requests, path }) =>
    rate(url, clients, requests, (client) => client.ask('GET', path)),
  /**
   * From the answer of a POST to the arrival of the last of its events over the stream; both are seen by this
   * process. POSTs are sent one after the other, or so many a second without waiting.
   */
  async streamLag({ url, samples, perSecond }) {
    const client = openClient(url, { connections: 24 });
    const follower = openClient(url);
    const answeredAt = new Map();
    const arrivedAt = new Map();
    const stream = await follower.follow((line) => {
      const id = /"proposal_id":"([^"]+)"/.exec(line)?.[1];
      if (id) arrivedAt.set(id, nowMs());
    });
    const post = async (n) => {
      const text = await client.propose(`Lag ${n}`);
      answeredAt.set(JSON.parse(text).proposal.id, nowMs());
    };
    const posts = [];
    for (let n = 0, began = nowMs(); n < samples; n++) {
      if (!perSecond) {
        await post(n);
        await somePause(20, 40);
      } else {
        posts.push(post(n));
        await pause(Math.max(0, began + ((n + 1) * 1_000) / perSecond - nowMs()));
      }
    }
    await Promise.all(posts);
    await pause(QUIET_MS);
    stream.close();
    follower.close();
    client.close();
    const lags = [...answeredAt].map(([id, at]) => arrivedAt.get(id) - at);
    if (lags.some(Number.isNaN)) throw new Error('events of a proposal did not come over the stream');
    const { p50, p99 } = percentiles(lags);
    return { p50, p99 };
  },
  stop: () => undefined,
});
