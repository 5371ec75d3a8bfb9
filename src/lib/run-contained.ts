import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { toError } from '../errors.ts';
import { cleanText } from './clean-text.ts';
import { codeOf } from './files.ts';
import { sleep } from './wake.ts';

export type ContainedResult = {
  /** Null when a signal ended it. */
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  ended: 'exited' | 'time_limit' | 'aborted';
  stdout: string;
  stderr: string;
  /** More came than the limit; what is beyond it was not kept. */
  truncated: boolean;
  durationMs: number;
};

export type ContainedOptions = {
  cwd: string;
  /** What it reads from its stdin; absent, that is /dev/null. */
  input?: string;
  /** The whole environment of the command; nothing of ours is added. */
  env: Record<string, string>;
  timeoutMs: number;
  /** For stdout and stderr together, in bytes. */
  maxOutputBytes: number;
  signal: AbortSignal;
};

/** From SIGTERM to SIGKILL. */
const GRACE_MS = 2_000;
/** How long a killed group may take to end: a process may hang in the kernel. */
const GONE_MS = 3_000;
/** How long we read what was written before the end; only a process outside the group can make us wait so long. */
const DRAIN_MS = 1_000;
const POLL_MS = 20;

/**
 * Nothing of the program runs before its guard does: the shell waits for a line, and ends if we die first. It reads
 * byte by byte, so that what stands behind the line is the program's.
 */
const HELD = 'read -r go && exec "$@"';
const HELD_WITHOUT_INPUT = `${HELD} </dev/null`;

/**
 * Only our death ends this pipe, because the guard is killed when the command's group is gone. It stands outside the
 * group, where the command's own `kill 0` or our SIGTERM does not reach it, and is our child, so that we reap it.
 */
const GUARD = 'read -r end; kill -KILL "-$1"';

/**
 * Runs a program as a process group that ends with it, at the time limit, when the signal aborts, and when we die,
 * even by SIGKILL. A program that makes a session of its own (setsid) or becomes another user (sudo) escapes. Node's
 * pipes are sockets, so that `> /dev/stdout` fails where `>&1` works.
 * @param argv the program and its arguments, which no shell reads; one that is not there ends with exit code 127
 */
export async function runContained(
  argv: readonly string[],
  options: ContainedOptions,
): Promise<ContainedResult> {
  const { maxOutputBytes, signal, timeoutMs, input, ...place } = options;
  const begun = performance.now();
  const child = await start(input === undefined ? HELD_WITHOUT_INPUT : HELD, argv, place);
  const exited = signalOf(child, 'exit');
  const closed = signalOf(child, 'close');
  const room = { bytes: maxOutputBytes };
  const stdout = keep(child.stdout, room);
  const stderr = keep(child.stderr, room);
  const group = child.pid as number;
  const guard = await start(GUARD, [String(group)], { cwd: '/', env: {} }).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  if (!signal.aborted) child.stdin.end(`go\n${input ?? ''}`);

  await sleep(timeoutMs, AbortSignal.any([exited, signal]));
  const ended = exited.aborted ? 'exited' : signal.aborted ? 'aborted' : 'time_limit';
  if (ended !== 'exited') {
    signalGroup(group, 'SIGTERM');
    await groupEnds(group, GRACE_MS);
  }
  signalGroup(group, 'SIGKILL');
  await groupEnds(group, GONE_MS);
  guard.kill('SIGKILL');

  await sleep(DRAIN_MS, closed);
  child.stdout.destroy();
  child.stderr.destroy();
  return {
    exitCode: child.exitCode,
    signal: child.signalCode,
    ended,
    stdout: stdout.text(),
    stderr: stderr.text(),
    truncated: stdout.cut() || stderr.cut(),
    durationMs: Math.round(performance.now() - begun),
  };
}

/** Starts a shell script with its arguments, in a session and a group of its own. */
async function start(
  script: string,
  args: readonly string[],
  { cwd, env }: { cwd: string; env: Record<string, string> },
): Promise<ChildProcessWithoutNullStreams> {
  try {
    const child = spawn('/bin/sh', ['-c', script, 'sh', ...args], { cwd, env, detached: true });
    // A pipe may break when the other side is killed; that is no failure of ours.
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => {});
    await once(child, 'spawn');
    return child;
  } catch (error) {
    throw new Error(`a command cannot be started in ${cwd}: ${toError(error).message}`, {
      cause: error,
    });
  }
}

function signalOf(child: ChildProcessWithoutNullStreams, event: 'exit' | 'close'): AbortSignal {
  const happened = new AbortController();
  child.once(event, () => happened.abort());
  return happened.signal;
}

/** False when nothing of the group is left. */
function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal);
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}

/** Resolves when nothing of the group runs any more, or after `ms`. */
async function groupEnds(group: number, ms: number): Promise<void> {
  const until = performance.now() + ms;
  while ((await groupRuns(group)) && performance.now() < until) await sleep(POLL_MS);
}

/**
 * A dead process stays in its group until it is reaped, which the first process of a container may never do. It
 * does not count, where /proc tells it apart.
 */
async function groupRuns(group: number): Promise<boolean> {
  if (!signalGroup(group, 0)) return false;
  const names = await readdir('/proc').catch(() => undefined);
  if (!names) return true;
  for (const name of names.filter((each) => /^\d+$/.test(each))) {
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    // The name of the program stands before these in brackets, and may hold anything.
    const [state = '', , itsGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (Number(itsGroup) === group && !'ZX'.includes(state)) return true;
  }
  return false;
}

/** Keeps what comes while there is room, and throws the rest away, so that the writer never stands still. */
function keep(stream: Readable, room: { bytes: number }) {
  const kept = Buffer.allocUnsafe(room.bytes);
  let length = 0;
  let cut = false;
  stream.on('data', (chunk: Buffer) => {
    const taken = chunk.copy(kept, length, 0, room.bytes);
    length += taken;
    room.bytes -= taken;
    if (taken < chunk.length) cut = true;
  });
  return {
    cut: () => cut,
    text() {
      const decoder = new StringDecoder('utf8');
      const text = decoder.write(kept.subarray(0, length));
      // The beginning of a character that the limit cut is left out.
      return cleanText(cut ? text : text + decoder.end());
    },
  };
}
