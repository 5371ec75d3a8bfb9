import { access, constants, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type ContainedResult, runContained } from '../../lib/run-contained.ts';
import { LlmError } from '../llm-error.ts';
import { onlyInAll, type Provider, type ProviderParts } from '../provider.ts';
import type { ConfigOf } from '../schema.ts';
import { promptText, wholeAnswerModel } from '../whole-answer.ts';
import { explainExit, readAnswer } from './command-answer.ts';

type CommandConfig = ConfigOf<'command'>;

/** What every program gets of our environment: where programs and its own settings are, and the language. */
const EVERY_PROGRAM_NEEDS = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ'];
/** JSON around an answer takes some room, too. */
const ROOM_FOR_MORE = 256 * 1024;
const DEFAULT_MODEL = 'default';

/** A program of the user's that answers: it reads the prompt from its stdin and prints the answer. */
export function commandProvider(name: string, config: CommandConfig, parts: ProviderParts): Provider {
  const [program = ''] = config.command;
  const environment = () => pick([...EVERY_PROGRAM_NEEDS, ...config.env], parts.secrets);

  return {
    name,
    type: 'command',
    address: program,
    cloud: config.cloud,
    configured: config.models ?? [DEFAULT_MODEL],
    timeouts: onlyInAll(config.timeoutMs ?? parts.config.timeouts.totalMs),
    takesSchema: false,
    async list() {
      if (!(await isProgram(program, parts.secrets('PATH') ?? '')))
        throw new LlmError('unavailable', `${name}: there is no program ${program} that we may run`);
      return (config.models ?? [DEFAULT_MODEL]).map((model) => ({ name: model, choosable: false }));
    },
    model(model) {
      const answer = async (prompt: string, signal: AbortSignal) => {
        const env = environment();
        const argv = config.command.map((argument) => argument.replaceAll('{model}', model));
        const ran = await inFolder(config.cwd, (cwd) =>
          runContained(argv, {
            cwd,
            env,
            input: prompt,
            // The deadlines of the call abort its signal.
            timeoutMs: 2 ** 31 - 1,
            maxOutputBytes: parts.config.maxAnswerBytes + ROOM_FOR_MORE,
            signal,
          }),
        );
        throwUnlessEnded(ran, signal);
        if (ran.exitCode !== 0) throw explainExit(name, program, ran, secretsOf(config, env));
        if (ran.truncated) throw new LlmError('too_long', `${name}: ${program} printed more than is kept`);
        return readAnswer(name, config, ran.stdout);
      };
      return Promise.resolve(
        wholeAnswerModel({ provider: name, model }, (call) =>
          answer(promptText(call.prompt), call.abortSignal ?? new AbortController().signal),
        ),
      );
    },
  };
}

function throwUnlessEnded({ ended }: ContainedResult, signal: AbortSignal): void {
  if (ended === 'exited') return;
  throw signal.reason instanceof LlmError ? signal.reason : new LlmError('aborted', 'The call was given up');
}

/** A program may write where it runs, so it gets a folder of its own unless one is named. */
async function inFolder<T>(named: string | undefined, work: (folder: string) => Promise<T>): Promise<T> {
  if (named !== undefined) return work(named);
  const folder = await mkdtemp(join(tmpdir(), 'opsloop-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function isProgram(program: string, path: string): Promise<boolean> {
  const places = program.includes('/') ? [program] : path.split(delimiter).map((dir) => join(dir, program));
  const mayRun = async (place: string) => {
    await access(place, constants.X_OK);
    return (await stat(place)).isFile();
  };
  const found = await Promise.all(places.map((place) => mayRun(place).catch(() => false)));
  return found.includes(true);
}

function pick(names: string[], lookUp: (name: string) => string | undefined): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = lookUp(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** What it may repeat in its complaints and must not be stored. */
function secretsOf(config: CommandConfig, env: Record<string, string>): string[] {
  return config.env.map((name) => env[name] ?? '').filter((value) => value.length >= 8);
}
