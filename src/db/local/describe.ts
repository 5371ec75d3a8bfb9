import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { toError } from '../../errors.ts';
import { requireNative } from './binaries.ts';
import { clusterMajor, dataDirOf, readPassword } from './cluster.ts';
import { homeFiles, orphansOf, placeOf, readState } from './home-state.ts';
import { type Host, thisHost } from './host.ts';
import { findServer } from './postmaster.ts';
import { chooseUser } from './run-as.ts';

export type LocalPostgresFacts = {
  created: boolean;
  running: boolean;
  dataDir: string | null;
  runsAs: string | null;
  binaries: string | null;
  version: string | null;
  problems: string[];
};

/** For doctor: what is there and what is wrong with it. Starts, makes and changes nothing. */
export async function describeLocalPostgres(
  home: string,
  host: Host = thisHost(),
): Promise<LocalPostgresFacts> {
  const files = homeFiles(resolve(home));
  const facts: LocalPostgresFacts = {
    created: false,
    running: false,
    dataDir: null,
    runsAs: null,
    binaries: null,
    version: null,
    problems: [],
  };
  const check = async (work: () => Promise<void>): Promise<void> => {
    await work().catch((error: unknown) => facts.problems.push(toError(error).message));
  };
  await check(async () => {
    facts.binaries = requireNative(host);
  });
  await check(async () => {
    const place = placeOf(files, await readState(files));
    const dataDir = dataDirOf(place);
    for (const orphan of await orphansOf(files, place, host)) {
      facts.problems.push(
        `${orphan} holds the cluster of an earlier home at ${files.home}; remove it if not needed.`,
      );
    }
    await check(async () => {
      facts.runsAs = (await chooseUser(dataDir, host)).name;
    });
    const major = await clusterMajor(dataDir);
    if (major === null) return;
    Object.assign(facts, { created: true, dataDir, version: String(major) });
    const password = await readPassword(files);
    const mode = (await stat(files.password)).mode & 0o777;
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      facts.problems.push(`${files.password} has mode ${mode.toString(8)}; others may read it: chmod 600`);
    }
    const found = await findServer(dataDir, password);
    if (found.kind === 'ours') Object.assign(facts, { running: true, version: found.version });
    if (found.kind === 'unclear') facts.problems.push(`Process ${found.pid} holds ${dataDir}: ${found.why}.`);
    if (found.kind === 'leftover') {
      facts.problems.push(
        `postmaster.pid in ${dataDir} names process ${found.pid}, which is not its server.`,
      );
    }
  });
  return facts;
}
