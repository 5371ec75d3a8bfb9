import type { Stage } from '../stage/stage.ts';
import { makeMeans, type Means } from './api.ts';
import { type History, makeHistory } from './history.ts';
import { runCanceller, runDecider, runPolicyChanger } from './operators.ts';
import { runProposer } from './proposer.ts';
import { makePageTail, makeStreamTail, type Tail } from './tails.ts';
import { runHttpWorker } from './worker.ts';

/** All clients at work. */
export type Load = {
  history: History;
  tails: Tail[];
  /** No new operations; resolves when every client knows what became of its last one. */
  stop(): Promise<void>;
  /** The readers go on until then, so that they can catch up. */
  stopReading(): Promise<void>;
  /** The workers over HTTP, too, so that what is left gets worked. */
  stopWorking(): Promise<void>;
};

type Client = { name: string; run(means: Means, name: string): Promise<void> };

const PROPOSERS = 4;
const CLIENTS: Client[] = [
  ...Array.from({ length: PROPOSERS }, (_, n) => ({ name: `proposer-${n + 1}`, run: runProposer })),
  { name: 'decider-1', run: runDecider },
  { name: 'decider-2', run: runDecider },
  { name: 'canceller', run: runCanceller },
  { name: 'policy-changer', run: runPolicyChanger },
];
const WORKER = 'worker-over-http';

export function startLoad({ urls, apiKey }: Stage, seed: number): Load {
  const history = makeHistory();
  const [asking, working, reading] = [new AbortController(), new AbortController(), new AbortController()];
  let clients = 0;
  const meansFor = (stopping: AbortSignal, at: readonly string[] = urls) =>
    makeMeans({ urls: at, apiKey, history, stopping }, seed + ++clients);
  const asked = CLIENTS.map(({ name, run }) => run(meansFor(asking.signal), name));
  const worked = runHttpWorker(meansFor(working.signal), WORKER);
  const tails = [
    ...urls.map((_url, n) => makeStreamTail(meansFor(reading.signal), `stream-${n + 1}`)),
    makePageTail(meansFor(reading.signal), 'pages'),
  ];
  const read = tails.map((tail) => tail.run(reading.signal));
  return {
    history,
    tails,
    async stop() {
      asking.abort();
      await Promise.all(asked);
    },
    async stopWorking() {
      working.abort();
      await worked;
    },
    async stopReading() {
      reading.abort();
      await Promise.all(read);
    },
  };
}
