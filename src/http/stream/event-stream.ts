import type { EventChunk } from '../../events/events.ts';
import { makeWake } from '../../lib/wake.ts';
import type { StreamTimes } from '../parts.ts';
import { errorText, pieces, placeText } from './sse.ts';
import type { OpenStream } from './streams.ts';

const LAST_WORDS_MS = 2_000;

/**
 * One reader of the log. Nothing is read from the database before the reader has taken what it was given, so a
 * slow one costs a chunk of memory and, after a while, its connection.
 *
 * The states: it follows (chunks, and a ping when there is nothing), then it ends (last words are queued, and
 * the connection is cut when they are not taken), then it is over (everything is given back). Three things lead
 * from following to the end: a reader that takes nothing, a key that is no longer valid, and a server that
 * stops. A reader that leaves goes straight to over.
 */
export function openEventStream(options: {
  follow: (signal: AbortSignal) => AsyncGenerator<EventChunk>;
  afterSeq: number;
  times: StreamTimes;
  /** Asked at every ping. */
  isStillAllowed: () => Promise<boolean>;
  /** Ends the connection when the reader does not take the last words. */
  cut: () => void;
  onFailure: (error: unknown) => void;
  onOver: (stream: OpenStream) => void;
}): { stream: OpenStream; body: ReadableStream<Uint8Array> } {
  const { times } = options;
  const encoder = new TextEncoder();
  const leaving = new AbortController();
  const chunks = options.follow(leaving.signal);
  const wake = makeWake();
  const waiting: string[] = [`retry: 1000\n${placeText('the log of opsloop', options.afterSeq)}`];
  let place = options.afterSeq;
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
      if (done || !value) return;
      waiting.push(...pieces(value.events));
      place = value.throughSeq;
    } catch (error) {
      options.onFailure(error);
      finish(errorText('internal', 'The stream failed; connect again with Last-Event-ID.'));
    }
  };

  const nextText = async (): Promise<string | null> => {
    for (;;) {
      if (lastWords !== undefined) return lastWords;
      if (isOver) return null;
      const text = waiting.shift();
      if (text !== undefined) return text;
      const untilPing = lastSentAt + times.pingMs - performance.now();
      if (untilPing <= 0) return placeText('ping', place);
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
        if (text === null) return;
        controller.enqueue(encoder.encode(text));
        lastSentAt = performance.now();
        if (lastWords === undefined) return expectPull();
        controller.close();
        over();
      },
      cancel: over,
    },
    { highWaterMark: 0 },
  );
  return { stream, body };
}
