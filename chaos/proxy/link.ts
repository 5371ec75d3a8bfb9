import { once, setMaxListeners } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { sleep } from '../lib/time.ts';
import { makeCommitFinder } from './commit-finder.ts';

/** What a link does to what it carries. */
export type Mode =
  | { kind: 'pass' }
  | { kind: 'delay'; ms: number }
  /** Nothing passes, and nothing is lost: it arrives when the hold is over, as packets do that are sent again. */
  | { kind: 'hold'; what: 'everything' | 'answers' }
  /** One byte at a time. */
  | { kind: 'slice' }
  /** Answers to COMMIT, and to some statements outside of transactions, are dropped, and the connection is cut. */
  | { kind: 'lose-replies' };

/** What a link has done since it was made. */
export type Counts = {
  cut: number;
  held: number;
  delayed: number;
  sliced: number;
  forgotten: number;
  lost: number;
  commitsLost: number;
};

/** A connection between two programs that can be made to fail. */
export type Link = {
  name: string;
  port: number;
  set(mode: Mode): void;
  /** Cuts what is connected; while it is refusing, what connects is cut as well. */
  cut(refusing: boolean): void;
  /** Ends the far side of every connection and does not tell the near one. */
  forget(): void;
  counts: Counts;
};

const COMMITTED = Buffer.from('COMMIT\0');
/** ReadyForQuery, outside of a transaction. */
const IDLE = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);
/** Some must come through, so that the work goes on. */
const EVERY_COMMIT = 2;
const EVERY_OTHER = 10;

type Connection = { near: Socket; far: Socket; commits: boolean; forgotten: boolean };

/** @param speaks what lose-replies needs to understand */
export async function makeLink(name: string, targetPort: number, speaks: 'postgres' | 'http'): Promise<Link> {
  const connections = new Set<Connection>();
  const counts: Counts = { cut: 0, held: 0, delayed: 0, sliced: 0, forgotten: 0, lost: 0, commitsLost: 0 };
  let mode: Mode = { kind: 'pass' };
  let refusing = false;
  let commits = 0;
  let others = 0;
  let changed = manyWait();

  const end = (connection: Connection) => {
    connections.delete(connection);
    connection.near.destroy();
    connection.far.destroy();
  };

  const isHeld = (isAnswer: boolean) => mode.kind === 'hold' && (isAnswer || mode.what === 'everything');

  /** Waits as long as the mode wants it; the mode can change while it does. */
  const pass = async (isAnswer: boolean): Promise<void> => {
    if (mode.kind === 'delay') {
      counts.delayed++;
      await sleep(mode.ms);
    }
    while (isHeld(isAnswer)) {
      counts.held++;
      await sleep(600_000, changed.signal);
    }
  };

  /** Whether this answer is one of those that get lost. */
  const isLost = (connection: Connection, piece: Buffer): boolean => {
    if (mode.kind !== 'lose-replies') return false;
    if (connection.commits) {
      // The statements before it may still be answered.
      if (!piece.includes(COMMITTED)) return false;
      return ++commits % EVERY_COMMIT === 0;
    }
    return piece.subarray(-IDLE.length).equals(IDLE) && ++others % EVERY_OTHER === 0;
  };

  const write = async (to: Socket, piece: Buffer): Promise<void> => {
    if (to.destroyed) return;
    if (mode.kind !== 'slice') {
      if (!to.write(piece)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
      return;
    }
    counts.sliced++;
    for (let at = 0; at < piece.length && !to.destroyed; at++) {
      to.write(piece.subarray(at, at + 1));
      // One write per packet, as far as that can be had.
      if (at % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  };

  const carry = async (connection: Connection, isAnswer: boolean): Promise<void> => {
    const [from, to] = isAnswer ? [connection.far, connection.near] : [connection.near, connection.far];
    const finder = speaks === 'postgres' ? makeCommitFinder() : null;
    for await (const piece of from as AsyncIterable<Buffer>) {
      if (!isAnswer && finder?.feed(piece)) connection.commits = true;
      await pass(isAnswer);
      // Taken and thrown away, as by a machine that is gone.
      if (connection.forgotten) continue;
      if (isAnswer) {
        if (isLost(connection, piece)) {
          counts.lost++;
          if (connection.commits) counts.commitsLost++;
          return end(connection);
        }
        if (piece.includes(COMMITTED)) connection.commits = false;
      }
      await write(to, piece);
    }
    // What was under way when one side left still arrives.
    if (connection.forgotten) return;
    to.end();
    if (isAnswer || connection.far.destroyed) connections.delete(connection);
  };

  const server = createServer((near) => {
    if (refusing) {
      counts.cut++;
      near.destroy();
      return;
    }
    const far = connect(targetPort, '127.0.0.1');
    const connection: Connection = { near, far, commits: false, forgotten: false };
    connections.add(connection);
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
    }
    near.on('close', (broken) => broken && end(connection));
    far.on('close', (broken) => broken && !connection.forgotten && end(connection));
    for (const isAnswer of [false, true]) carry(connection, isAnswer).catch(() => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    name,
    port: (server.address() as AddressInfo).port,
    counts,
    set(next) {
      mode = next;
      changed.abort();
      changed = manyWait();
    },
    cut(andRefuse) {
      refusing = andRefuse;
      counts.cut += connections.size;
      for (const connection of connections) end(connection);
    },
    forget() {
      for (const connection of connections) {
        if (connection.forgotten) continue;
        counts.forgotten++;
        connection.forgotten = true;
        connection.far.destroy();
      }
    },
  };
}

function manyWait(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}
