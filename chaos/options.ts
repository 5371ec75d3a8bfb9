import { randomInt } from 'node:crypto';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { FAULTS } from './faults/all.ts';
import type { Fault } from './faults/fault.ts';

export type Options = {
  minutes: number;
  seed: number;
  faults: Fault[];
  /** Where the report goes, and on failure everything else. */
  out: string;
  edn: string | null;
  /** Shows the plan and runs nothing. */
  planOnly: boolean;
  /** The same again, as one writes it. */
  command: string;
};

export const HELP = `npm run chaos -- [--minutes N] [--seed S] [--out FOLDER] [--edn FILE]

  --minutes N        how long faults strike and clients work; 3 unless given
  --seed S           which faults strike when and whom; drawn and shown unless given
  --without A,B      leaves faults out, by name or beginning: --without disk-full,clock
  --only A,B         strikes with these alone
  --plan             shows the plan, and runs nothing
  --out FOLDER       report, picture, and on failure logs and database; chaos/runs/<seed> unless given
  --edn FILE         the history of the clients in the form of Jepsen
  --no-build         takes dist/ as it is

Exit codes: 0 all is as it must be; 1 a violation; 2 too little happened to say so.`;

/** @throws Error that says what is wrong with the options */
export function readOptions(args: string[]): Options | null {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: 'string', default: '3' },
      seed: { type: 'string', default: String(randomInt(1_000_000)) },
      without: { type: 'string' },
      only: { type: 'string' },
      plan: { type: 'boolean', default: false },
      out: { type: 'string' },
      edn: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const minutes = Number(values.minutes);
  const seed = Number(values.seed);
  if (!(minutes > 0 && minutes <= 1_440))
    throw new Error(`--minutes ${values.minutes}: give a number up to 1440.`);
  if (!Number.isSafeInteger(seed) || seed < 0) throw new Error(`--seed ${values.seed}: give a whole number.`);
  const chosen = [values.only && `--only ${values.only}`, values.without && `--without ${values.without}`];
  return {
    minutes,
    seed,
    faults: chooseFaults(values.only, values.without),
    out: resolve(values.out ?? join(import.meta.dirname, 'runs', String(seed))),
    edn: values.edn === undefined ? null : resolve(values.edn),
    planOnly: values.plan,
    command: ['--minutes', minutes, '--seed', seed, ...chosen.filter(Boolean)].join(' '),
  };
}

function chooseFaults(only: string | undefined, without: string | undefined): Fault[] {
  const named = (list: string | undefined) => list?.split(',').filter((name) => name !== '') ?? [];
  for (const name of [...named(only), ...named(without)])
    if (!FAULTS.some((fault) => fault.name.startsWith(name)))
      throw new Error(
        `There is no fault ${name}; there are ${FAULTS.map((fault) => fault.name).join(', ')}.`,
      );
  const isOf = (list: string | undefined, { name }: Fault) =>
    named(list).some((start) => name.startsWith(start));
  return FAULTS.filter((fault) => (only === undefined || isOf(only, fault)) && !isOf(without, fault));
}
