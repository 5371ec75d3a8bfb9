import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const STRACE = '/usr/bin/strace';
/** What writes, what brings it to the disk, what names it, and what tells of it. */
const CALLS =
  'write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,fsync,fdatasync,sync_file_range,openat,link,linkat,rename,renameat,renameat2,mkdir,mkdirat';

/** A system call. It began and ended at these lines of the trace, so two can overlap. */
export type Call = {
  pid: number;
  name: string;
  /** As strace prints it, the path of a descriptor in angle brackets behind its number. */
  args: string;
  result: number;
  began: number;
  ended: number;
};

/** What to put before a command, so that its calls and those of all its processes are written down in order. */
export function underStrace(file: string): string[] {
  return [STRACE, '-f', '-yy', '-s', '1500', '-e', `trace=${CALLS}`, '-e', 'signal=none', '-o', file];
}

/** Why no process can be traced here; null when one can. */
export function whyNoStrace(): string | null {
  const tried = spawnSync(STRACE, ['-f', '-o', '/dev/null', 'true'], { encoding: 'utf8' });
  if (tried.error) return `${STRACE} cannot be run: ${tried.error.message}`;
  return tried.status === 0 ? null : `nothing can be traced here: ${tried.stderr.trim()}`;
}

/** The calls of a trace, by the line at which they ended. */
export function readTrace(file: string): Call[] {
  const calls: Call[] = [];
  const open = new Map<string, { text: string; began: number }>();
  for (const [line, text] of readFileSync(file, 'latin1').split('\n').entries()) {
    const [, pid = '', rest = ''] = /^(\d+) +(.*)$/.exec(text) ?? [];
    const [, begun] = /^(.*) <unfinished \.\.\.>$/.exec(rest) ?? [];
    if (begun !== undefined) {
      open.set(pid, { text: begun, began: line });
      continue;
    }
    const [, tail] = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest) ?? [];
    const first = tail === undefined ? undefined : open.get(pid);
    const whole = first && tail !== undefined ? first.text + tail : rest;
    const [, name, args, result] = /^(\w+)\((.*)\)\s+= (-?\d+)/s.exec(whole) ?? [];
    if (name === undefined || args === undefined) continue;
    calls.push({
      pid: Number(pid),
      name,
      args,
      result: Number(result),
      began: first?.began ?? line,
      ended: line,
    });
  }
  return calls;
}

/** The path or the connection of a call's descriptor. */
export function onWhat({ args }: Call): string {
  // A connection has an arrow in its name.
  return /^\d+<((?:->|[^<>])*)>/.exec(args)?.[1] ?? '';
}

export const isWrite = ({ name }: Call): boolean => /^p?write|^send/.test(name);
export const isSync = ({ name, result }: Call): boolean => /^f(data)?sync$/.test(name) && result === 0;
