import { AppError } from '../../errors.ts';

/** A stream that is open to a reader. */
export type OpenStream = { end(comment: string): void };

/** Whose stream it is. */
export type StreamReader = { keyId: string; agentId: string | null };

/** One agent must not take the streams of everybody. */
const MOST_PER_AGENT_KEY = 5;

export type Streams = {
  /** @throws AppError rate_limited when there are as many as there may be, in all or for this reader */
  requireRoom(reader: StreamReader): void;
  add(stream: OpenStream, reader: StreamReader): void;
  remove(stream: OpenStream): void;
  count(): number;
  endAll(comment: string): void;
};

export function makeStreams(most: number): Streams {
  const open = new Map<OpenStream, StreamReader>();
  const refuse = (limit: number, whose: string) => {
    throw new AppError('rate_limited', `${whose} ${limit} event streams already; close one, or try later.`, {
      details: { most: limit },
      retryAfter: 10,
    });
  };
  return {
    requireRoom({ keyId, agentId }) {
      if (open.size >= most) refuse(most, 'There are');
      const own = [...open.values()].filter((reader) => reader.keyId === keyId).length;
      if (agentId !== null && own >= MOST_PER_AGENT_KEY) refuse(MOST_PER_AGENT_KEY, 'This key has');
    },
    add: (stream, reader) => void open.set(stream, reader),
    remove: (stream) => void open.delete(stream),
    count: () => open.size,
    endAll(comment) {
      for (const stream of open.keys()) stream.end(comment);
    },
  };
}
