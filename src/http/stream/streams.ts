import { AppError } from '../../errors.ts';

/** A stream that is open to a reader. */
export type OpenStream = { end(comment: string): void };

export type Streams = {
  /** @throws AppError rate_limited when there are as many as there may be */
  requireRoom(): void;
  add(stream: OpenStream): void;
  remove(stream: OpenStream): void;
  count(): number;
  endAll(comment: string): void;
};

export function makeStreams(most: number): Streams {
  const open = new Set<OpenStream>();
  return {
    requireRoom() {
      if (open.size < most) return;
      throw new AppError(
        'rate_limited',
        `There are ${most} event streams already; close one, or try later.`,
        {
          details: { most },
          retryAfter: 10,
        },
      );
    },
    add: (stream) => void open.add(stream),
    remove: (stream) => void open.delete(stream),
    count: () => open.size,
    endAll(comment) {
      for (const stream of open) stream.end(comment);
    },
  };
}
