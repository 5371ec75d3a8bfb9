import { z } from 'zod';

const RESERVED_NAMES = ['auto', 'none', 'extractive'];
/** A timer cannot be set for longer than 24.8 days; a day is long enough for any call. */
const LONGEST_MS = 86_400_000;
/** Keys that open opsloop itself, or its database. */
const OUR_SECRETS = /^(OPSLOOP_|MC_|DATABASE_URL$|PG)/;

/** The reason why an address is not usable, or undefined. */
function addressProblem(address: string): string | undefined {
  if (!URL.canParse(address)) return 'is not a URL such as http://127.0.0.1:11434';
  const url = new URL(address);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'must begin with http:// or https://';
  if (url.username !== '' || url.password !== '') return 'must not hold a user name or a password';
  if (url.search !== '' || url.hash !== '') return 'must not hold a query or a fragment';
  return undefined;
}

const baseUrl = z.string().transform((address, context) => {
  const problem = addressProblem(address);
  if (problem === undefined) return new URL(address).href.replace(/\/+$/, '');
  // The address is not repeated: a mistaken one can hold a password.
  context.addIssue({ code: 'custom', message: `the address of a language model server ${problem}` });
  return z.NEVER;
});

/** Ollama's own API is spoken, which does not live under /v1. */
const ollamaUrl = baseUrl.refine((address) => !address.endsWith('/v1'), {
  message: "the address of Ollama must not end in /v1, because Ollama's own API is used",
});

/** Names the models to use; the first one is taken when no model is named. */
const models = z.array(z.string().min(1)).min(1).optional();
const timeoutMs = z.int().min(1).max(LONGEST_MS).optional();
/** A file only its owner can read; it is read at every call, so that a key can be changed. */
const keyFile = z.string().min(1);

const common = {
  models,
  headers: z.record(z.string(), z.string()).optional(),
  /** The name of the environment variable that holds the key. */
  apiKeyEnv: z.string().min(1).optional(),
  apiKeyFile: keyFile.optional(),
};

/** Where in a JSON document something stands (RFC 6901): `/usage/input_tokens`. */
const pointer = z.string().regex(/^(\/([^/~]|~[01])*)+$/, 'a JSON pointer such as /usage/input_tokens');

const commandSchema = z.strictObject({
  type: z.literal('command'),
  /** A program and its arguments; `{model}` in one stands for the model's name. No shell reads them. */
  command: z
    .array(z.string())
    .min(1)
    .refine(
      ([program]) => /^[^-\s]/.test(program ?? ''),
      'the first element is the name or path of a program',
    ),
  models,
  /** Names of our environment variables that it gets, besides those that every program needs. */
  env: z
    .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/))
    .default([])
    .refine((names) => !names.some((name) => OUR_SECRETS.test(name)), 'no program gets the keys of opsloop'),
  /** Where it runs; absent: in a new empty folder, which is removed afterwards. */
  cwd: z.string().min(1).optional(),
  /** For the whole call; absent: as for every other. */
  timeoutMs,
  /** Where its answer and what it cost stand in the JSON that it prints; without `answer` all it prints is the answer. */
  answer: pointer.optional(),
  inputTokens: pointer.optional(),
  outputTokens: pointer.optional(),
  costUsd: pointer.optional(),
  /** Whether what it is told may leave this machine. */
  cloud: z.boolean().default(true),
});

const openClawSchema = z.strictObject({
  type: z.literal('openclaw'),
  baseUrl: baseUrl.default('http://127.0.0.1:18789'),
  /** The gateway's token may do everything there, so it stands in a file that only its owner can read. */
  apiKeyFile: keyFile,
  /** `llm-task`: one call of a model without tools. `agent`: a whole agent, with the tools that it has. */
  via: z.enum(['llm-task', 'agent']).default('llm-task'),
  /** With `llm-task`, whose providers and keys are used; absent: those of the gateway's default agent. */
  agentId: z.string().min(1).optional(),
  models,
  timeoutMs,
});

const aiSdkSchema = z.strictObject({
  type: z.literal('ai-sdk'),
  /** A provider package of the AI SDK, installed into the home: `@ai-sdk/anthropic`. */
  package: z.string().regex(/^(@[a-z0-9-]+\/)?[a-z0-9-]+$/, 'the name of a package'),
  baseUrl: baseUrl.optional(),
  ...common,
});

export const providerSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('ollama'),
    baseUrl: ollamaUrl,
    ...common,
    numCtx: z.int().min(256).optional(),
    keepAlive: z.union([z.string().min(1), z.int()]).optional(),
    think: z.union([z.boolean(), z.enum(['low', 'medium', 'high', 'max'])]).optional(),
  }),
  z.strictObject({ type: z.literal('openai-compatible'), baseUrl, ...common }),
  commandSchema,
  openClawSchema,
  aiSdkSchema,
]);

const providerName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,39}$/, 'a provider name has small letters, digits and dashes')
  .refine((name) => !RESERVED_NAMES.includes(name), 'that provider name has a meaning of its own');

const timeoutsSchema = z.strictObject({
  /** Long, because a model that is not in memory is loaded first. */
  firstTokenMs: z.int().min(1).max(LONGEST_MS).default(300_000),
  /** The longest silence between two tokens. */
  idleMs: z.int().min(1).max(LONGEST_MS).default(60_000),
  totalMs: z
    .int()
    .min(1)
    .max(LONGEST_MS)
    .default(30 * 60_000),
});

export const llmConfigSchema = z
  .strictObject({
    /** `auto`, `extractive`, `none` or `provider:model`. */
    mode: z.string().min(1).default('auto'),
    /** Used when the wanted model cannot be had. */
    fallback: z.string().min(1).optional(),
    ollamaUrl: ollamaUrl.default('http://127.0.0.1:11434'),
    defaultModel: z.string().min(1).optional(),
    /** The model of each agent; the worker puts it into the request. */
    agentModels: z.record(z.string(), z.string()).default({}),
    providers: z.record(providerName, providerSchema).default({}),
    timeouts: timeoutsSchema.prefault({}),
    /** One size for all calls: another size makes Ollama load the model again. */
    numCtx: z.int().min(256).default(8192),
    /** Whether traces hold what is asked and answered; nothing else makes them do so. */
    traceContent: z.boolean().default(false),
    maxAnswerBytes: z.int().min(1024).default(262_144),
  })
  .refine((config) => (config.providers['ollama']?.type ?? 'ollama') === 'ollama', {
    path: ['providers', 'ollama'],
    message: 'the provider named ollama must be of the type ollama, because bare model names mean it',
  });

export type LlmConfig = z.infer<typeof llmConfigSchema>;
export type LlmConfigInput = z.input<typeof llmConfigSchema>;
export type ProviderConfig = z.infer<typeof providerSchema>;
export type ProviderType = ProviderConfig['type'];
export type ConfigOf<Type extends ProviderType> = Extract<ProviderConfig, { type: Type }>;
export type LlmTimeouts = LlmConfig['timeouts'];
