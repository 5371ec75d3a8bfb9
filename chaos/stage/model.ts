import { makeRandom } from '../lib/random.ts';
import { type ModelServer, type Reply, startOllamaServer } from '../../test/support/ollama-server.ts';
import { freePort } from './proc.ts';

export const MODEL = 'tiny';

/** The language model of the stage, which speaks Ollama's wire format. */
export type Model = {
  url: string;
  /** Every other answer is this; null: all are good again. */
  misbehave(reply: Reply | null): void;
  /** How many answers were bad so far. */
  bad(): number;
  /** Stops to listen; the port stays its own. */
  leave(): Promise<void>;
  comeBack(): Promise<void>;
};

/** As long as a small model needs, so that what is killed is killed in the middle of it. */
const THINKING = { least: 200, most: 2_500 };

export async function makeModel(seed: number): Promise<Model> {
  const random = makeRandom(seed);
  const port = await freePort();
  let badReply: Reply | null = null;
  let asked = 0;
  let bad = 0;

  const replyTo = (format: unknown): Reply => {
    asked++;
    if (badReply !== null && asked % 2 === 0) {
      bad++;
      return badReply;
    }
    const loadMs = THINKING.least + random.below(THINKING.most - THINKING.least);
    const verdict = { verdict: 'approve', reason: 'It does what was asked for.', problems: [] };
    return { loadMs, text: format === undefined ? ['All', ' is', ' well.'] : JSON.stringify(verdict) };
  };
  const begin = async (): Promise<ModelServer> => {
    const started = await startOllamaServer({ models: [MODEL], port });
    started.on(MODEL, ({ body }) => replyTo(body.format));
    return started;
  };
  let server = await begin();
  return {
    url: server.url,
    misbehave(reply) {
      badReply = reply;
    },
    bad: () => bad,
    leave: () => server.close(),
    async comeBack() {
      server = await begin();
    },
  };
}
