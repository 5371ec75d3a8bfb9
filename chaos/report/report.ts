import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Db } from '../../src/db/database.ts';
import { readSettings } from '../../src/db/settings.ts';
import { VERSION } from '../../src/version.ts';
import type { Entry } from '../clients/history.ts';
import type { Seen } from '../clients/tails.ts';
import type { Struck } from '../faults/strike-all.ts';
import type { Drained } from '../verdict/drain.ts';
import type { Verdict } from '../verdict/verdict.ts';
import { markdown } from './markdown.ts';
import { picture } from './picture.ts';

/** All that is known of a run. */
export type Report = {
  seed: number;
  minutes: number;
  /** What to give to have the same plan again. */
  command: string;
  /** When the load began, in milliseconds since 1970. */
  startedAt: number;
  machine: Machine;
  struck: readonly Struck[];
  entries: readonly Entry[];
  tails: readonly { name: string; seen: readonly Seen[] }[];
  drained: Drained;
  verdict: Verdict;
};

export type Machine = Awaited<ReturnType<typeof describeMachine>>;

export async function describeMachine(db: Db) {
  return {
    date: new Date().toISOString().slice(0, 10),
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 1e9),
    node: process.version,
    postgres: (await readSettings(db)).version,
    opsloop: VERSION,
  };
}

/** @returns the page, which is also in the folder */
export function writeReport(folder: string, report: Report): string {
  mkdirSync(folder, { recursive: true });
  const page = markdown(report);
  writeFileSync(join(folder, 'report.md'), page);
  writeFileSync(join(folder, 'throughput.svg'), picture(report));
  return page;
}
