import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A model as the server lists it; a bare name stands for one of yesterday. */
export type ServedModel = {
  name: string;
  modifiedAt?: string;
  remoteHost?: string;
  family?: string;
};

/** What the server does with one request. Without any member it answers "Hello from <model>". */
export type Reply = {
  /** One piece is one token. */
  text?: string | string[];
  thinking?: string;
  /** Another answer than HTTP 200. */
  status?: number;
  error?: string;
  headers?: Record<string, string>;
  /** Says nothing more from that point on, until the client gives up. */
  hang?: 'before-headers' | 'before-first-token' | 'mid-stream';
  /** The model is loaded first: for so long, or until the promise resolves. */
  loadMs?: number;
  until?: Promise<unknown>;
  /** Instead of an end: the text again and again, every so often. */
  dripMs?: number;
  /** Instead of tokens: empty lines, every so often. */
  blankMs?: number;
  /** An error inside of the stream, after the text. */
  errorLine?: string;
  /** How it ends: properly, without the last line, or with a cut connection. */
  end?: 'done' | 'missing' | 'cut';
  /** Members of the last line that differ. Undefined removes one. */
  done?: Record<string, unknown>;
  /** The body as it is, one write per element. */
  raw?: (string | Uint8Array)[];
  /** So many bytes of text, as fast as the client takes them; in one line or in many. */
  flood?: { bytes: number; oneLine?: boolean };
};

/** One request for an answer, as the server saw it. */
export type Exchange = {
  path: string;
  headers: IncomingMessage['headers'];
  body: Record<string, unknown> & { model: string };
  /** The client's port: the same for requests over one connection. */
  clientPort: number;
  /** Resolves when the connection of this request is closed or its response is complete. */
  closed: Promise<void>;
  /** Whether the client went away before the response was complete. */
  abandoned: boolean;
  bytesSent: number;
};

export type ModelServer = AsyncDisposable & {
  url: string;
  /** Every request for an answer so far. */
  exchanges: Exchange[];
  /** May be changed at any time. */
  models: ServedModel[];
  /** How many times the list of models was asked for. */
  readonly listings: number;
  /** What the next requests for an answer get, in this order, whatever their model. */
  next(...replies: Reply[]): void;
  /** What every request for this model gets. */
  on(model: string, reply: Reply | ((exchange: Exchange) => Reply)): void;
  /** What every request for the list of models gets; without an argument the list again. */
  onList(reply?: Reply): void;
  /** The first request for an answer that was not given out yet; waits for one. */
  request(): Promise<Exchange>;
  /** Stops to listen and cuts all connections; the port is free then. */
  close(): Promise<void>;
};

/** How a kind of server writes what it says. */
export type Wire = {
  basePath: string;
  chatPath: string;
  listPath: string;
  contentType: string;
  list(models: ServedModel[]): unknown;
  error(message: string): unknown;
  piece(text: string, model: string): string;
  thinking(text: string, model: string): string;
  errorLine(message: string): string;
  end(model: string, changes: Record<string, unknown>): string;
};

export type ModelServerOptions = { models?: (string | ServedModel)[]; port?: number };

export async function startModelServer(wire: Wire, options: ModelServerOptions): Promise<ModelServer> {
  const replies: Reply[] = [];
  const perModel = new Map<string, Reply | ((exchange: Exchange) => Reply)>();
  const unseen: Exchange[] = [];
  const waiting: ((exchange: Exchange) => void)[] = [];
  let listReply: Reply | undefined;
  let listings = 0;

  const http = createServer((request, response) => {
    // Whatever goes wrong here was wanted by the test or shows in it.
    void handle(request, response).catch(() => response.destroy());
  });
  http.listen(options.port ?? 0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;

  const server: ModelServer = {
    url: `http://127.0.0.1:${port}${wire.basePath}`,
    exchanges: [],
    models: (options.models ?? []).map((model) => (typeof model === 'string' ? { name: model } : model)),
    get listings() {
      return listings;
    },
    next: (...more) => void replies.push(...more),
    on: (model, reply) => void perModel.set(model, reply),
    onList: (reply) => {
      listReply = reply;
    },
    request: () => {
      const exchange = unseen.shift();
      return exchange === undefined
        ? new Promise((resolve) => waiting.push(resolve))
        : Promise.resolve(exchange);
    },
    async close() {
      if (!http.listening) return;
      http.close();
      http.closeAllConnections();
      await once(http, 'close');
    },
    [Symbol.asyncDispose]: () => server.close(),
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').slice(wire.basePath.length);
    if (path === wire.listPath) {
      listings++;
      const exchange = watch(request, response, { model: '' });
      if (listReply !== undefined) return play(wire, exchange, listReply, response);
      return sendJson(response, 200, wire.list(server.models));
    }
    const exchange = watch(request, response, JSON.parse(await readAll(request)));
    if (path !== wire.chatPath) return sendJson(response, 404, wire.error('no such route'));
    server.exchanges.push(exchange);
    const taker = waiting.shift();
    if (taker === undefined) unseen.push(exchange);
    else taker(exchange);
    await play(wire, exchange, replyTo(exchange), response);
  }

  function replyTo(exchange: Exchange): Reply {
    const { model } = exchange.body;
    const reply = replies.shift() ?? perModel.get(model);
    if (reply !== undefined) return typeof reply === 'function' ? reply(exchange) : reply;
    const known = server.models.some(({ name }) => withTag(name) === withTag(model));
    return known ? {} : { status: 404, error: `model '${model}' not found` };
  }
  return server;
}

/** A name without a tag means the latest. */
function withTag(name: string): string {
  return name.includes(':') ? name : `${name}:latest`;
}

function watch(request: IncomingMessage, response: ServerResponse, body: Exchange['body']): Exchange {
  const exchange: Exchange = {
    path: request.url ?? '',
    headers: request.headers,
    clientPort: request.socket.remotePort ?? 0,
    body,
    abandoned: false,
    bytesSent: 0,
    closed: new Promise((resolve) => {
      response.once('close', () => {
        exchange.abandoned = !response.writableFinished;
        resolve();
      });
    }),
  };
  return exchange;
}

async function play(wire: Wire, exchange: Exchange, reply: Reply, response: ServerResponse): Promise<void> {
  const { model } = exchange.body;
  const send = async (piece: string | Uint8Array): Promise<void> => {
    exchange.bytesSent += Buffer.byteLength(piece);
    if (!response.write(piece) && !response.destroyed) {
      await Promise.race([once(response, 'drain'), exchange.closed]);
    }
  };
  const repeat = async (everyMs: number, piece: string): Promise<void> => {
    const timer = setInterval(() => response.write(piece), everyMs);
    await exchange.closed;
    clearInterval(timer);
  };

  if (reply.hang === 'before-headers') return exchange.closed;
  if (reply.status !== undefined) {
    return sendJson(response, reply.status, wire.error(reply.error ?? 'an error'), reply.headers);
  }
  response.writeHead(200, { 'content-type': wire.contentType, ...reply.headers });
  response.flushHeaders();
  if (reply.blankMs !== undefined) return repeat(reply.blankMs, '\n');
  if (reply.loadMs !== undefined) await new Promise((resolve) => setTimeout(resolve, reply.loadMs));
  await reply.until;
  if (reply.hang === 'before-first-token') return exchange.closed;
  if (reply.raw !== undefined) {
    for (const piece of reply.raw) {
      await send(piece);
      // One write per packet, as far as that can be had.
      await new Promise((resolve) => setImmediate(resolve));
    }
    response.end();
    return;
  }
  if (reply.flood !== undefined) return flood(wire, exchange, reply.flood, response, send);
  if (reply.thinking !== undefined) await send(wire.thinking(reply.thinking, model));
  const pieces = [reply.text ?? ['Hello', ' from ', model]].flat();
  for (const piece of pieces) await send(wire.piece(piece, model));
  if (reply.hang === 'mid-stream') return exchange.closed;
  if (reply.dripMs !== undefined) return repeat(reply.dripMs, wire.piece(pieces.join(''), model));
  if (reply.errorLine !== undefined) await send(wire.errorLine(reply.errorLine));
  else if (reply.end === 'cut') return void response.destroy();
  else if (reply.end !== 'missing') await send(wire.end(model, reply.done ?? {}));
  response.end();
}

async function flood(
  wire: Wire,
  exchange: Exchange,
  { bytes, oneLine }: { bytes: number; oneLine?: boolean },
  response: ServerResponse,
  send: (piece: string) => Promise<void>,
): Promise<void> {
  const block = 'x'.repeat(64 * 1024);
  const [head = '', tail = ''] = wire.piece('@', exchange.body.model).split('@');
  if (oneLine) await send(head);
  for (let sent = 0; sent < bytes && !response.destroyed; sent += block.length) {
    await send(oneLine ? block : head + block + tail);
  }
  if (oneLine) await send(tail);
  await send(wire.end(exchange.body.model, {}));
  response.end();
}

function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
