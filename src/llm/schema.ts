import { z } from 'zod';

const PROVIDER_TYPES = ['ollama', 'openai-compatible'] as const;
const RESERVED_NAMES = ['auto', 'none', 'extractive'];

export type ProviderType = (typeof PROVIDER_TYPES)[number];

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

const common = {
  /** Names the models to use; the first one is taken when no model is named. */
  models: z.array(z.string().min(1)).min(1).optional(),
  headers: z.record(z.string(), z.string()).optional(),
  /** The name of the environment variable that holds the key. */
  apiKeyEnv: z.string().min(1).optional(),
  /** A file only its owner can read; it is read at every call, so that a key can be changed. */
  apiKeyFile: z.string().min(1).optional(),
};

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
]);

const providerName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,39}$/, 'a provider name has small letters, digits and dashes')
  .refine((name) => !RESERVED_NAMES.includes(name), 'that provider name has a meaning of its own');

const timeoutsSchema = z.strictObject({
  /** Long, because a model that is not in memory is loaded first. */
  firstTokenMs: z.int().min(1).default(300_000),
  /** The longest silence between two tokens. */
  idleMs: z.int().min(1).default(60_000),
  totalMs: z
    .int()
    .min(1)
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
    maxAnswerBytes: z.int().min(1024).default(262_144),
  })
  .refine((config) => (config.providers['ollama']?.type ?? 'ollama') === 'ollama', {
    path: ['providers', 'ollama'],
    message: 'the provider named ollama must be of the type ollama, because bare model names mean it',
  });

export type LlmConfig = z.infer<typeof llmConfigSchema>;
export type LlmConfigInput = z.input<typeof llmConfigSchema>;
export type ProviderConfig = z.infer<typeof providerSchema>;
export type LlmTimeouts = LlmConfig['timeouts'];
