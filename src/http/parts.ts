import { setMaxListeners } from 'node:events';
import type { App } from '../app.ts';
import { type Buckets, makeBuckets } from './buckets.ts';
import { type Metrics, makeMetrics } from './metrics.ts';
import { makeStreams, type Streams } from './stream/streams.ts';

/** What outlives a single request. */
export type HttpParts = {
  failedKeys: Buckets;
  agentRequests: Buckets;
  streams: Streams;
  metrics: Metrics;
  times: StreamTimes;
  /** Aborts when the server stops. */
  closing: AbortSignal;
  close(): void;
};

export type StreamTimes = { pingMs: number; slowReaderMs: number };

export type HttpOptions = Partial<StreamTimes> & {
  maxStreams?: number;
  failedKeysPerMinute?: number;
  agentRequestsPerMinute?: number;
};

export function makeHttpParts(app: App, options: HttpOptions = {}): HttpParts {
  const streams = makeStreams(options.maxStreams ?? 100);
  const metrics = makeMetrics(app, streams);
  const closing = new AbortController();
  // Everybody who waits listens to it.
  setMaxListeners(0, closing.signal);
  return {
    failedKeys: makeBuckets({ perMinute: options.failedKeysPerMinute ?? 10 }),
    agentRequests: makeBuckets({ perMinute: options.agentRequestsPerMinute ?? 600 }),
    streams,
    metrics,
    times: { pingMs: options.pingMs ?? 15_000, slowReaderMs: options.slowReaderMs ?? 30_000 },
    closing: closing.signal,
    close() {
      closing.abort();
      streams.endAll('the server stops');
      metrics.close();
    },
  };
}
