import { createServer, type Server, type ServerOptions } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener, RequestError } from '@hono/node-server';
import type { App } from '../app.ts';
import { AppError, toError } from '../errors.ts';
import { buildHttp } from './app.ts';
import { type HttpOptions, makeHttpParts } from './parts.ts';
import { answerClientErrors, problemResponse } from './wire-errors.ts';

export type HttpServer = {
  /** Where it can be reached from this machine. */
  url: string;
  port: number;
  /** How many are open. */
  connections(): Promise<number>;
  /** No new connections; streams end, requests finish, and what is left after 3 s is cut. */
  close(): Promise<void>;
};

export type Limits = ServerOptions & {
  /** Milliseconds in which nothing at all moved, after which a connection is cut. */
  idleTimeout?: number;
};

/** Time limits of a connection. A stream is an answer, and has its pings, so none of them ends it. */
const LIMITS: Limits = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 2_000,
  keepAliveTimeout: 5_000,
  // A client that does not take its answer would keep it in our memory for ever. No answer takes that long to make.
  idleTimeout: 300_000,
  // A request without a Host gets our own refusal, with its headers.
  requireHostHeader: false,
};
/** Workers that wait for steps have one each. */
const MOST_CONNECTIONS = 1_024;
const MOST_REQUESTS_PER_CONNECTION = 1_000;
const CLOSE_GRACE_MS = 3_000;

export async function serveHttp(
  app: App,
  options: { host: string; port: number; http?: HttpOptions; limits?: Limits },
): Promise<HttpServer> {
  const parts = makeHttpParts(app, options.http);
  const http = buildHttp(app, parts);
  const log = app.log.child({ part: 'http' });
  const listener = getRequestListener((request, env) => http.fetch(request, env), {
    hostname: 'unknown',
    // What the adapter cannot make a request of never reaches the routes.
    errorHandler(error) {
      if (error instanceof RequestError) return problemResponse(refusalOf(error));
      log.error({ err: toError(error) }, 'a request failed outside the routes');
      return problemResponse(new AppError('internal', 'Something unexpected happened.'));
    },
  });
  const limits = { ...LIMITS, ...options.limits };
  const server = createServer(limits, (incoming, outgoing) => {
    void listener(incoming, outgoing);
  });
  server.maxConnections = MOST_CONNECTIONS;
  server.setTimeout(limits.idleTimeout);
  // All of them, as far as 16 KiB reach: Node would hide those after the first thousand from our checks.
  server.maxHeadersCount = 0;
  server.maxRequestsPerSocket = MOST_REQUESTS_PER_CONNECTION;
  answerClientErrors(server);

  const port = await listen(server, options.host, options.port);
  return {
    url: `http://${localName(options.host)}:${port}`,
    port,
    connections: () =>
      new Promise((resolve, reject) =>
        server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      ),
    close: () => closeServer(server, parts.close),
  };
}

function refusalOf({ message }: RequestError): AppError {
  if (/host/i.test(message))
    return new AppError('host_not_allowed', 'The Host header is missing or not a host name.');
  return new AppError('invalid_request', 'The Host header or the target of the request is not valid.');
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, host, port)));
    server.listen({ host, port }, () => resolve((server.address() as AddressInfo).port));
  });
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const reasons: Record<string, string> = {
    EADDRINUSE: 'another program listens there; choose another with OPSLOOP_PORT or --port',
    EACCES: 'this user may not listen there; choose a port above 1023',
    EADDRNOTAVAIL: 'this machine has no such address; look at OPSLOOP_HOST or --host',
    ENOTFOUND: 'there is no such name; look at OPSLOOP_HOST or --host',
  };
  const reason = reasons[error.code ?? ''];
  if (!reason) return error;
  return new AppError('config_invalid', `Cannot listen on ${host}:${port}: ${reason}.`, {
    details: { host, port },
    cause: error,
  });
}

function localName(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

function closeServer(server: Server, endStreams: () => void): Promise<void> {
  return new Promise((resolve) => {
    // A connection becomes idle when its request has ended, and must not be kept for a next one.
    const idle = setInterval(() => server.closeIdleConnections(), 50);
    const cut = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
    server.close(() => {
      clearInterval(idle);
      clearTimeout(cut);
      resolve();
    });
    endStreams();
    server.closeIdleConnections();
  });
}
