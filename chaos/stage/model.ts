import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { makeRandom } from '../lib/random.ts';
import {
  type Exchange,
  type ModelServer,
  type Reply,
  startOllamaServer,
} from '../../test/support/ollama-server.ts';
import { freePort } from './proc.ts';

export const MODEL = 'tiny';

/** The language model of the stage, which speaks Ollama's wire format. */
export type Model = {
  url: string;
  /** Every other answer is this; null: all are good again. */
  misbehave(reply: Reply | null): void;
  /** How many answers were bad so far, and how much was sent of them. */
  bad(): { answers: number; bytes: number };
  /** Where its redirects lead; nobody may come there. */
  trap: Trap;
  /** Stops to listen; the port stays its own. */
  leave(): Promise<void>;
  comeBack(): Promise<void>;
};

export type Trap = { url: string; visits(): number };

/** As long as a small model needs, so that what is killed is killed in the middle of it. */
const THINKING = { least: 200, most: 2_500 };

export async function makeModel(seed: number): Promise<Model> {
  const random = makeRandom(seed);
  const port = await freePort();
  let badReply: Reply | null = null;
  let asked = 0;
  const bad: Exchange[] = [];
  const trap = await makeTrap();

  const replyTo = (exchange: Exchange): Reply => {
    asked++;
    if (badReply !== null && asked % 2 === 0) {
      bad.push(exchange);
      return badReply;
    }
    const loadMs = THINKING.least + random.below(THINKING.most - THINKING.least);
    const verdict = { verdict: 'approve', reason: 'It does what was asked for.', problems: [] };
    return {
      loadMs,
      text: exchange.body.format === undefined ? ['All', ' is', ' well.'] : JSON.stringify(verdict),
    };
  };
  const begin = async (): Promise<ModelServer> => {
    const started = await startOllamaServer({ models: [MODEL], port });
    started.on(MODEL, replyTo);
    return started;
  };
  let server = await begin();
  return {
    url: server.url,
    misbehave(reply) {
      badReply = reply;
    },
    bad: () => ({ answers: bad.length, bytes: bad.reduce((sum, { bytesSent }) => sum + bytesSent, 0) }),
    trap,
    leave: () => server.close(),
    async comeBack() {
      server = await begin();
    },
  };
}

async function makeTrap(): Promise<Trap> {
  let visits = 0;
  const server = createServer((_request, response) => {
    visits++;
    response.end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/latest/meta-data`, visits: () => visits };
}
