import { pino } from 'pino';
import {
  type Llm,
  type LlmAnswer,
  type LlmConfigInput,
  LlmError,
  llmConfigSchema,
  type LlmRequest,
  makeLlm,
} from '../../src/llm/llm.ts';

export type TestLlm = AsyncDisposable & {
  llm: Llm;
  /** What the installation remembers. */
  memory: { seen: boolean };
  /** Everything that was logged, as one text. */
  logged(): string;
  ask(request?: Partial<LlmRequest>, signal?: AbortSignal): Promise<LlmAnswer>;
  /** The error that a request ends with. */
  failure(request?: Partial<LlmRequest>, signal?: AbortSignal): Promise<LlmError>;
};

/** Nothing listens on this port, so that a test never finds an Ollama of the machine it runs on. */
export const NOBODY = 'http://127.0.0.1:2';

export function makeTestLlm(
  config: LlmConfigInput,
  options: {
    seen?: boolean;
    secrets?: Record<string, string>;
    brokenMemory?: boolean;
    packagesIn?: string;
  } = {},
): TestLlm {
  const lines: string[] = [];
  const memory = { seen: options.seen ?? false };
  const llm = makeLlm(llmConfigSchema.parse({ ollamaUrl: NOBODY, ...config }), {
    log: pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) }),
    installation: {
      modelSeen: () =>
        options.brokenMemory ? Promise.reject(new Error('no database')) : Promise.resolve(memory.seen),
      rememberModel: () => {
        memory.seen = true;
        return Promise.resolve();
      },
    },
    secrets: (name) => options.secrets?.[name],
    packagesIn: options.packagesIn ?? '/nowhere',
  });
  const ask: TestLlm['ask'] = (request = {}, signal = new AbortController().signal) =>
    llm.complete({ system: 'Be brief.', prompt: 'Say hello.', extractiveAllowed: false, ...request }, signal);
  return {
    llm,
    memory,
    logged: () => lines.join(''),
    ask,
    async failure(request, signal) {
      const outcome = await ask(request, signal).catch((error: unknown) => error);
      if (outcome instanceof LlmError) return outcome;
      throw new Error('the request was expected to fail with an LlmError', { cause: outcome });
    },
    [Symbol.asyncDispose]: () => llm.close(),
  };
}
