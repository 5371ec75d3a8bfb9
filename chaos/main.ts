import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { aborted } from '../src/cli/shutdown.ts';
import { toError } from '../src/errors.ts';
import { toEdn } from './clients/edn.ts';
import { HELP, type Options, readOptions } from './options.ts';
import { makePlan, type Planned } from './plan.ts';
import { KEPT, prepareFolder } from './report/folder.ts';
import { sayVerdict } from './report/markdown.ts';
import { describeMachine, writeReport } from './report/report.ts';
import { run } from './run.ts';
import { openFolder, setStage } from './stage/stage.ts';
import { judge } from './verdict/verdict.ts';

const EXIT = { ok: 0, violation: 1, trivial: 2 } as const;

const write = (text: string) => void process.stdout.write(`${text}\n`);

/** Runs what the arguments say, and sets the exit code. */
export async function main(args: string[]): Promise<void> {
  try {
    const options = readOptions(args);
    if (options === null) return write(HELP);
    const plan = makePlan(options.seed, options.minutes, options.faults);
    writePlan(options, plan);
    if (!options.planOnly) process.exitCode = await runOnStage(options, plan);
  } catch (thrown) {
    write(`chaos: ${toError(thrown).message}`);
    process.exitCode = EXIT.trivial;
  }
}

function writePlan({ seed, minutes }: Options, plan: readonly Planned[]): void {
  write(`seed ${seed}, ${minutes} minutes, ${plan.length} faults:`);
  for (const { atSeconds, name, target, seconds } of plan)
    write(`  ${atSeconds.toFixed(1).padStart(7)} s  ${name} ${target}, ${seconds} s`);
}

async function runOnStage(options: Options, plan: readonly Planned[]): Promise<number> {
  const { seed, minutes, out, command } = options;
  const mark = process.env.OPSLOOP_CHAOS_RUN;
  // Every environment holds an empty mark, and the warden kills whoever has it.
  if (!mark) throw new Error('OPSLOOP_CHAOS_RUN is not set; start it by `npm run chaos`.');
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => interrupted.abort());
  // Nothing is waited for then: the warden ends it all.
  const unlessInterrupted = <T>(work: Promise<T>): Promise<T> =>
    Promise.race([work, aborted(interrupted.signal).then(() => Promise.reject(new Error('interrupted')))]);
  const began = performance.now();
  const say = (text: string) =>
    write(`${((performance.now() - began) / 1_000).toFixed(1).padStart(7)} s  ${text}`);
  prepareFolder(out, mark);
  const { folder, warden } = openFolder(mark);
  try {
    const stage = await unlessInterrupted(
      setStage(folder, { seed, minutes, mark, remember: warden.remember }),
    );
    say(`the stage is set in ${folder}`);
    const ran = await unlessInterrupted(run(stage, plan, { seed, minutes, say, signal: interrupted.signal }));
    const killed = await unlessInterrupted(stage.stopPrograms());
    const { load, struck, drained, startedAt } = ran;
    const verdict = await judge(stage, load, { struck, drained, killed, minutes });
    const { entries } = load.history;
    const machine = await describeMachine(stage.database);
    const report = {
      seed,
      minutes,
      command,
      startedAt,
      machine,
      struck,
      entries,
      tails: load.tails,
      drained,
      verdict,
    };
    write(`\n${writeReport(out, report)}`);
    if (options.edn) {
      mkdirSync(dirname(options.edn), { recursive: true });
      writeFileSync(options.edn, toEdn(entries));
    }
    write(`${sayVerdict(report)}. The report is in ${out}.`);
    const failed = verdict.violations.length > 0 || verdict.trivial.length > 0;
    if (failed) {
      writeFileSync(join(out, 'history.edn'), toEdn(entries));
      await stage.postgres.stop();
      keep(folder, out);
      write(
        `Look at ${out}: report.md, history.edn, logs/ of every program, database/ (PostgreSQL 18, as it ended).`,
      );
      write(`Again: npm run chaos -- ${command}`);
    }
    return verdict.violations.length > 0 ? EXIT.violation : failed ? EXIT.trivial : EXIT.ok;
  } catch (error) {
    if (!interrupted.signal.aborted) keep(folder, out);
    throw error;
  } finally {
    await warden.cleanUp();
  }
}

/** What helps to find out what happened. */
function keep(folder: string, out: string): void {
  for (const name of KEPT)
    cpSync(join(folder, name), join(out, name), {
      recursive: true,
      filter: (path) => !path.endsWith('/ballast'),
    });
}
