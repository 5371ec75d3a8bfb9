import type { Canaries } from './canaries.ts';
import { type Program, startProgram } from './process.ts';

/**
 * Programs and requests of which everything that is printed and answered is kept, to be looked through.
 * @param env of every program; OPSLOOP_API_KEY is the key of every request that names none
 */
export function makeOverheard(env: Record<string, string>, canaries: Canaries) {
  const said: { what: string; text: string }[] = [];
  const programs: Program[] = [];
  let url = '';

  const start = (args: string[], more: Record<string, string> = {}): Program => {
    const program = startProgram(args, { ...env, ...more });
    programs.push(program);
    return program;
  };

  /** A request of which nothing is kept. */
  const call = async (method: string, path: string, json?: unknown, key = env.OPSLOOP_API_KEY) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    });
    return { status: response.status, text: await response.text() };
  };

  return {
    /** What the API answered, and what a test adds. */
    said,
    programs,
    call,

    /** Runs a command to its end, however it ends. */
    async cli(args: string[], more: Record<string, string> = {}): Promise<void> {
      await start(args, more).ended;
    },

    async up(): Promise<Program> {
      const program = start(['up', '--port', '0', '--no-sample']);
      [, url = ''] = await program.says(/dashboard\s+(\S+)/, 60_000);
      await program.says('Ctrl+C stops everything');
      return program;
    },

    async ask(method: string, path: string, json?: unknown, key?: string): Promise<void> {
      const { status, text } = await call(method, path, json, key);
      said.push({ what: `${method} ${path} (${status})`, text });
    },

    /** A request whose answer holds a new secret, once: it is a canary from then on, and the answer is not kept. */
    async made(what: string, name: string, path: string, json: unknown, key?: string): Promise<string> {
      const { status, text } = await call('POST', path, json, key);
      if (status !== 201) throw new Error(`${path}: ${status} ${text}`);
      return canaries.add(what, (JSON.parse(text) as Record<string, string>)[name] ?? '');
    },
  };
}
