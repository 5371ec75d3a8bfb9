import { stat } from 'node:fs/promises';
import { AppError } from '../../errors.ts';
import { codeOf, readIfThere } from '../../lib/files.ts';
import type { Host } from './host.ts';
import { runProgram } from './run-program.ts';

/** The user that PostgreSQL runs as. `self`: the user we are; then nothing has to be switched. */
export type RunAs = { name: string; uid: number | null; gid: number | null; self: boolean };

/** PostgreSQL refuses to run as root, so root needs somebody else. */
const CANDIDATES = ['postgres', '_postgres', 'nobody'];

/** The owner of the data where there is data; else who we are; for root, the first candidate there is. */
export async function chooseUser(dataDir: string, host: Host): Promise<RunAs> {
  const owner = await ownerOf(dataDir);
  const own = process.getuid?.();
  if (own === undefined) return { name: 'the current user', uid: null, gid: null, self: true };
  if (owner === 0)
    throw refusal(`${dataDir} belongs to root. Give it to another user: chown -R postgres ${dataDir}`);
  if (own !== 0) {
    const self = await host.userOfUid(own);
    if (owner === null || owner === own) return { ...self, self: true };
    const other = await host.userOfUid(owner);
    throw refusal(
      `${dataDir} belongs to ${other.name}, and this is ${self.name}. Run opsloop as ${other.name}`,
    );
  }
  if (owner !== null) return host.userOfUid(owner);
  for (const name of CANDIDATES) {
    const user = await host.findUser(name);
    if (user !== null && user.uid !== 0) return user;
  }
  throw refusal(
    `PostgreSQL does not run as root, and there is none of the users ${CANDIDATES.join(', ')}. ` +
      'Make one (useradd --system postgres), or start opsloop as an ordinary user',
  );
}

function refusal(problem: string): AppError {
  return new AppError('config_invalid', `${problem}, or give a DATABASE_URL.`);
}

async function ownerOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).uid;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Asks the system itself, since folder modes alone say nothing about access lists or mounts. */
export async function mayEnter(user: RunAs, folder: string): Promise<boolean> {
  if (user.self) return true;
  const answer = await runProgram('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], { user, timeoutMs: 10_000 });
  return answer.code === 0;
}

export async function findUser(name: string): Promise<RunAs | null> {
  const line = (await passwdLines()).find((fields) => fields[0] === name);
  if (line !== undefined) return fromPasswd(line);
  // Users of a directory service are not in the file.
  const uid = await numberFrom(['-u', name]);
  const gid = await numberFrom(['-g', name]);
  return uid === null || gid === null ? null : { name, uid, gid, self: false };
}

export async function userOfUid(uid: number): Promise<RunAs> {
  const line = (await passwdLines()).find((fields) => Number(fields[2]) === uid);
  if (line !== undefined) return fromPasswd(line);
  const gid = await numberFrom(['-g', String(uid)]);
  return { name: `uid ${uid}`, uid, gid: gid ?? uid, self: false };
}

function fromPasswd(fields: string[]): RunAs {
  return { name: fields[0] ?? '', uid: Number(fields[2]), gid: Number(fields[3]), self: false };
}

async function passwdLines(): Promise<string[][]> {
  const text = (await readIfThere('/etc/passwd')) ?? '';
  return text.split('\n').map((line) => line.split(':'));
}

async function numberFrom(args: string[]): Promise<number | null> {
  const answer = await runProgram('id', args, { user: null, timeoutMs: 10_000 }).catch(() => null);
  return answer?.code === 0 && /^\d+\s*$/.test(answer.output) ? Number(answer.output) : null;
}
