import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { z } from 'zod';
import type { BackupSettings } from './backup/state.ts';
import { AppError } from './errors.ts';
import { isAddressOrNetwork } from './lib/address.ts';
import { Name } from './lib/name.ts';
import { readConfigured } from './llm/configured.ts';
// Not through llm.ts: reading the settings must not load what calls models.
import { type LlmConfig, llmConfigSchema } from './llm/schema.ts';

/** The only reader of the environment. What does not fit a variable is in `config.json` in the home. */
export type Config = {
  /** Absent: the embedded PostgreSQL of the home. */
  databaseUrl: string | undefined;
  allowUnsafeDatabase: boolean;
  preparedStatements: boolean;
  /** Where to LISTEN, when the database is reached through a pooler; null: nowhere; undefined: at the database. */
  listenUrl: string | null | undefined;
  home: string;
  workspace: string;
  host: string;
  port: number;
  /** Needed to listen on anything but loopback. */
  allowRemote: boolean;
  /** Host names under which requests are accepted besides loopback. */
  allowedHosts: string[];
  /** Where browsers reach it, when a proxy stands before it. */
  publicUrl: string | undefined;
  trustedProxies: string[];
  allowedOrigins: string[];
  maxRequestBytes: number;
  /** An operator's key, for the server and for the CLI. */
  apiKey: string | undefined;
  /** The server that the CLI talks to. */
  url: string | undefined;
  llm: LlmConfig;
  agentModel(agentId: string): string | undefined;
  /** Looks up the environment variables that hold the keys of model providers. */
  secret(name: string): string | undefined;
  slots: Record<string, number>;
  /** Hosts, or host:port, that webhooks may call although they are not on the public internet. */
  webhookHosts: string[];
  /** Where secrets of webhooks may be sent, by their name; those that are not named: anywhere. */
  secretHosts: Record<string, string[]>;
  workerIdPrefix: string | undefined;
  workerPollMs: number;
  heartbeatMs: number;
  /** How the workspace's files are treated; absent: as what is known of the folder says. */
  files: 'process' | 'observe' | 'off' | undefined;
  /** What commands (EXEC:) get of our environment. */
  commandEnv: Record<string, string>;
  logLevel: string;
  backups: BackupSettings;
};

export type Environment = Record<string, string | undefined>;

const Flag = z
  .enum(['1', 'true', 'yes', '0', 'false', 'no', ''])
  .transform((text) => ['1', 'true', 'yes'].includes(text));
const List = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);
function listOf(isItem: (item: string) => boolean, allowed: string) {
  return List.refine((items) => items.every(isItem), {
    error: ({ input }) =>
      `"${(input as string[]).find((item) => !isItem(item))}" is not ${allowed}; several are separated by commas`,
  });
}
const Proxies = listOf(isAddressOrNetwork, 'an address such as 10.0.0.1, or a network such as 10.0.0.0/8');
const Hosts = listOf(isHost, 'a host, or host:port, such as ops.example.com');
const Origins = listOf(
  isOrigin,
  'the origin of web pages, such as https://board.example.com; there is no "every page"',
);
const Seconds = z.coerce.number().positive().max(86_400);
const Port = z.coerce.number().int().min(0).max(65_535);
const HttpUrl = z.url({ protocol: /^https?$/ });
const Key = z
  .string()
  .min(24, 'must have 24 characters or more')
  .refine((key) => !/\s/.test(key), 'must not contain blanks');
const LogLevel = z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']);

const PostgresUrl = z.url({ protocol: /^postgres(ql)?$/ });

/** Variables by name; several names for one thing are the older file-based system's, and the first that is set wins. */
const VARIABLES = {
  DATABASE_URL: PostgresUrl,
  OPSLOOP_ALLOW_UNSAFE_DATABASE: Flag,
  OPSLOOP_PREPARED_STATEMENTS: Flag,
  OPSLOOP_LISTEN_URL: z.union([z.literal('none'), PostgresUrl], 'must be a postgres:// address, or "none"'),
  OPSLOOP_HOME: z.string().min(1),
  OPSLOOP_WORKSPACE: z.string().min(1),
  OPSLOOP_FILES: z.enum(['process', 'observe', 'off']),
  OPSLOOP_HOST: z.string().min(1),
  OPSLOOP_PORT: Port,
  MC_PORT: Port,
  OPSLOOP_ALLOW_REMOTE: Flag,
  OPSLOOP_ALLOWED_HOSTS: Hosts,
  OPSLOOP_PUBLIC_URL: HttpUrl,
  OPSLOOP_TRUSTED_PROXIES: Proxies,
  OPSLOOP_ALLOWED_ORIGINS: Origins,
  MC_CORS_ORIGIN: Origins,
  MC_MAX_BODY: z.coerce.number().int().min(1_024).max(1_048_576),
  OPSLOOP_API_KEY: Key,
  MC_API_KEY: Key,
  OPSLOOP_URL: HttpUrl,
  OPSLOOP_LLM: z.string().min(1),
  OLLAMA_URL: HttpUrl,
  AGENT_OLLAMA_MODEL: z.string().min(1),
  AGENT_OLLAMA_FALLBACK: z.string().min(1),
  OPS_WORKER_ID: z.string().min(1).max(64),
  OPS_WORKER_POLL: Seconds,
  OPS_HEARTBEAT_INTERVAL: Seconds,
  OPSLOOP_LOG: LogLevel,
  OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: Flag,
} as const;

type Variables = { [K in keyof typeof VARIABLES]?: z.infer<(typeof VARIABLES)[K]> };

const CalledHost = z
  .string()
  .regex(/^[a-z0-9.-]+(:\d{1,5})?$|^\[[0-9a-f:.]+\](:\d{1,5})?$/, 'a host, or host:port, in small letters');

const ConfigFile = z.strictObject({
  llm: z.record(z.string(), z.unknown()).optional(),
  slots: z.record(Name, z.number().int().min(0).max(1_000)).optional(),
  webhooks: z
    .strictObject({
      allow: z.array(CalledHost).optional(),
      secrets: z.record(Name, z.array(CalledHost)).optional(),
    })
    .optional(),
  backups: z
    .union([
      z.literal(false),
      z.strictObject({
        every_hours: z.number().min(0.1).max(8_784).optional(),
        keep: z.number().int().min(1).max(10_000).optional(),
        folder: z.string().min(1).optional(),
        verify: z.boolean().optional(),
      }),
    ])
    .optional(),
});

/** Reads everything once. @throws AppError config_invalid, naming the variable and what is allowed */
export function readConfig(env: Environment = process.env): Config {
  const home = resolveHome(env);
  const all = { ...readEnvFile(join(home, '.env')), ...env };
  const vars = parseVariables(all);
  const file = readConfigFile(join(home, 'config.json'));
  const modelOf = agentModels(all);
  return {
    databaseUrl: vars.DATABASE_URL,
    allowUnsafeDatabase: vars.OPSLOOP_ALLOW_UNSAFE_DATABASE ?? false,
    preparedStatements: vars.OPSLOOP_PREPARED_STATEMENTS ?? true,
    listenUrl: vars.OPSLOOP_LISTEN_URL === 'none' ? null : vars.OPSLOOP_LISTEN_URL,
    home,
    workspace: resolve(vars.OPSLOOP_WORKSPACE ?? join(home, 'workspace')),
    host: vars.OPSLOOP_HOST ?? '127.0.0.1',
    port: vars.OPSLOOP_PORT ?? vars.MC_PORT ?? 8787,
    allowRemote: vars.OPSLOOP_ALLOW_REMOTE ?? false,
    allowedHosts: vars.OPSLOOP_ALLOWED_HOSTS ?? [],
    publicUrl: vars.OPSLOOP_PUBLIC_URL,
    trustedProxies: vars.OPSLOOP_TRUSTED_PROXIES ?? [],
    allowedOrigins: vars.OPSLOOP_ALLOWED_ORIGINS ?? vars.MC_CORS_ORIGIN ?? [],
    maxRequestBytes: vars.MC_MAX_BODY ?? 1_048_576,
    apiKey: vars.OPSLOOP_API_KEY ?? vars.MC_API_KEY,
    url: vars.OPSLOOP_URL,
    llm: readLlm(vars, file.llm ?? {}, modelOf),
    agentModel: (agentId) => modelOf[variableName(agentId)],
    secret: (name) => all[name],
    slots: file.slots ?? {},
    webhookHosts: file.webhooks?.allow ?? [],
    secretHosts: file.webhooks?.secrets ?? {},
    workerIdPrefix: vars.OPS_WORKER_ID,
    workerPollMs: (vars.OPS_WORKER_POLL ?? 1) * 1_000,
    heartbeatMs: (vars.OPS_HEARTBEAT_INTERVAL ?? 300) * 1_000,
    files: vars.OPSLOOP_FILES,
    commandEnv: pick(env, ['PATH', 'LANG', 'LC_ALL', 'TZ']),
    logLevel: vars.OPSLOOP_LOG ?? 'info',
    backups: readBackups(file.backups, home, vars.DATABASE_URL === undefined),
  };
}

/** Whoever brings a database of their own has backups of their own, unless they say otherwise. */
function readBackups(
  given: z.infer<typeof ConfigFile>['backups'],
  home: string,
  isOurDatabase: boolean,
): BackupSettings {
  const { every_hours = 24, keep = 7, folder = 'backups', verify = true } = given || {};
  const isScheduled = given === undefined ? isOurDatabase : given !== false;
  return { everyHours: isScheduled ? every_hours : null, keep, folder: resolve(home, folder), verify };
}

/** A name or an address with or without its port, and nothing that a Host header cannot be. */
function isHost(text: string): boolean {
  return /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?$/.test(text) && URL.canParse(`http://${text}`);
}

function isOrigin(text: string): boolean {
  const [, host = ''] = /^https?:\/\/([^/]+)\/?$/.exec(text) ?? [];
  return isHost(host);
}

function pick(env: Environment, names: string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
}

function resolveHome(env: Environment): string {
  const given = env.OPSLOOP_HOME;
  if (given) return isAbsolute(given) ? given : resolve(given);
  return process.getuid?.() === 0 ? '/var/lib/opsloop' : join(homedir(), '.opsloop');
}

function parseVariables(env: Environment): Variables {
  const found: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(VARIABLES)) {
    const text = env[name];
    if (text === undefined || text === '') continue;
    const parsed = schema.safeParse(text);
    if (!parsed.success) {
      // A key or a database address is not repeated.
      const given = /KEY|DATABASE|LISTEN_URL/.test(name) ? '' : ` "${text}"`;
      throw new AppError(
        'config_invalid',
        `${name}${given} is not usable: ${parsed.error.issues[0]?.message}.`,
        {
          details: { variable: name },
        },
      );
    }
    found[name] = parsed.data;
  }
  return found;
}

function readEnvFile(path: string): Environment {
  return existsSync(path) ? parseEnv(readFileSync(path, 'utf8')) : {};
}

function readConfigFile(path: string): z.infer<typeof ConfigFile> {
  if (!existsSync(path)) return {};
  try {
    return ConfigFile.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    const problem = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new AppError('config_invalid', `${path} is not usable: ${problem.replaceAll('\n', ' ')}`);
  }
}

/** OPS_MODEL_<AGENT>, with the agent's id in capitals and "_" for everything else. */
function agentModels(env: Environment): Record<string, string> {
  const named = Object.entries(env).filter(([name, value]) => name.startsWith('OPS_MODEL_') && value);
  return Object.fromEntries(named.map(([name, value]) => [name.slice('OPS_MODEL_'.length), value ?? '']));
}

function variableName(agentId: string): string {
  return agentId.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_');
}

function readLlm(vars: Variables, file: Record<string, unknown>, agents: Record<string, string>): LlmConfig {
  const named = {
    mode: vars.OPSLOOP_LLM,
    ollamaUrl: vars.OLLAMA_URL,
    defaultModel: vars.AGENT_OLLAMA_MODEL,
    fallback: vars.AGENT_OLLAMA_FALLBACK,
    traceContent: vars.OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT,
  };
  const given = Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
  const parsed = llmConfigSchema.safeParse({ mode: 'auto', ...file, ...given, agentModels: agents });
  if (parsed.success) {
    // Said here, before anything is started.
    readConfigured(parsed.data);
    return parsed.data;
  }
  throw new AppError(
    'config_invalid',
    `The settings of the language models are not usable: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}`,
  );
}
