import { makeWake } from '../../lib/wake.ts';
import type { StreamTimes } from '../parts.ts';
import { errorText } from './sse.ts';
import type { OpenStream } from './streams.ts';

const LAST_WORDS_MS = 2_000;

/**
 * One reader of texts that come one after the other. Nothing is read from their source before the reader has taken
 * what it was given, so a slow one costs a chunk of memory and, after a while, its connection.
 *
 * The states: it follows (texts, and a ping when there is nothing), then it ends (last words are queued, and
 * the connection is cut when they are not taken), then it is over (everything is given back). Three things lead
 * from following to the end: a reader that takes nothing, a key that is no longer valid, and a server that
 * stops. A reader that leaves, and a source that has nothing more, go straight to over.
 */
export function openEventStream(options: {
  /** The source, which ends when the signal aborts. */
  follow: (signal: AbortSignal) => AsyncGenerator<string[]>;
  greeting: string;
  ping: () => string;
  times: StreamTimes;
  /** Asked at every ping. */
  isStillAllowed: () => Promise<boolean>;
  /** Ends the connection when the reader does not take the last words. */
  cut: () => void;
  /** Keeps what the source has failed of, and makes the last words of it. */
  onFailure: (error: unknown) => string;
  onOver: (stream: OpenStream) => void;
}): { stream: OpenStream; body: ReadableStream<Uint8Array> } {
  const { times } = options;
  const encoder = new TextEncoder();
  const leaving = new AbortController();
  const chunks = options.follow(leaving.signal);
  const wake = makeWake();
  const waiting: string[] = [options.greeting];
  let isExhausted = false;
  let reading: Promise<void> | undefined;
  let lastWords: string | undefined;
  let isOver = false;
  let slowTimer: NodeJS.Timeout | undefined;
  let lastSentAt = performance.now();

  const over = () => {
    if (isOver) return;
    isOver = true;
    clearInterval(guard);
    clearTimeout(slowTimer);
    leaving.abort();
    wake.call();
    chunks.return(undefined).catch(() => undefined);
    options.onOver(stream);
  };

  const finish = (words: string) => {
    if (lastWords !== undefined || isOver) return;
    lastWords = words;
    waiting.length = 0;
    leaving.abort();
    setTimeout(() => {
      // When the words were taken this does nothing: the connection is then no longer this stream's.
      options.cut();
      over();
    }, LAST_WORDS_MS).unref();
    wake.call();
  };

  const stream: OpenStream = { end: (comment) => finish(`: ${comment}\n\n`) };

  const readChunk = async () => {
    try {
      const { done, value } = await chunks.next();
      if (done) isExhausted = true;
      else waiting.push(...value);
    } catch (error) {
      if (!leaving.signal.aborted) finish(options.onFailure(error));
    }
  };

  const nextText = async (): Promise<string | null> => {
    for (;;) {
      if (lastWords !== undefined) return lastWords;
      if (isOver) return null;
      const text = waiting.shift();
      if (text !== undefined) return text;
      if (isExhausted) return null;
      const untilPing = lastSentAt + times.pingMs - performance.now();
      if (untilPing <= 0) return options.ping();
      reading ??= readChunk().finally(() => {
        reading = undefined;
        wake.call();
      });
      await wake.wait(untilPing);
    }
  };

  const expectPull = () => {
    slowTimer = setTimeout(
      () => finish(errorText('slow_reader', `Nothing was taken for ${times.slowReaderMs} ms.`)),
      times.slowReaderMs,
    );
    slowTimer.unref();
  };

  const guard = setInterval(() => {
    options.isStillAllowed().then(
      (allowed) => allowed || finish(errorText('unauthorized', 'The key is no longer valid.')),
      // A database that is away cannot say; the next ping asks again.
      () => undefined,
    );
  }, times.pingMs);
  guard.unref();
  expectPull();

  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        clearTimeout(slowTimer);
        const text = await nextText();
        if (text === null && (isOver || !isExhausted)) return;
        if (text !== null) {
          controller.enqueue(encoder.encode(text));
          lastSentAt = performance.now();
          if (lastWords === undefined) return expectPull();
        }
        controller.close();
        over();
      },
      cancel: over,
    },
    { highWaterMark: 0 },
  );
  return { stream, body };
}
