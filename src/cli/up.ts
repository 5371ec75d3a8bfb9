import { type App, createApp } from '../app.ts';
import { type Config, readConfig } from '../config.ts';
import { lockHome } from '../db/local/lock.ts';
import { untilAvailable } from '../db/until-available.ts';
import { AppError } from '../errors.ts';
import { serveHttp } from '../http/serve.ts';
import { sleep } from '../lib/wake.ts';
import { type Log, makeLog } from '../log.ts';
import { getProposal } from '../proposals/proposals.ts';
import { VERSION } from '../version.ts';
import { startDatabase } from './database.ts';
import { ensureOperatorKey } from './ensure-operator-key.ts';
import { readOperatorKey } from './operator-key.ts';
import { printLine } from './print.ts';
import { proposeSample } from './sample.ts';
import { keepBackups } from './keep-backups.ts';
import { keepPostgresRunning } from './keep-postgres.ts';
import { noteServer } from './server-note.ts';
import { signInUrl } from './sign-in.ts';
import { aborted, makeShutdown, type Shutdown } from './shutdown.ts';

export type UpOptions = { host?: string; port?: string; allowRemote?: boolean; sample: boolean };

/** Runs everything in this process until it is told to stop. */
export async function up(options: UpOptions): Promise<void> {
  const config = withOptions(readConfig(), options);
  requireAllowedAddress(config);
  const log = makeLog({ level: config.logLevel, terminal: process.stderr.isTTY });
  const shutdown = makeShutdown(log);
  try {
    await start(config, options, log, shutdown);
    await aborted(shutdown.requested);
  } finally {
    await shutdown.run();
  }
}

async function start(config: Config, options: UpOptions, log: Log, shutdown: Shutdown): Promise<void> {
  const began = performance.now();
  const lock = await lockHome(config.home, { port: config.port });
  shutdown.add('the lock of the home', lock.release);
  const data = await startDatabase(config, log);
  shutdown.add('PostgreSQL', data.stop);
  if (config.databaseUrl === undefined) {
    shutdown.add('the watch over PostgreSQL', keepPostgresRunning(config, data.url, log).close);
  }

  const app = createApp({ config, databaseUrl: data.url, log });
  shutdown.add('the loop', (hurry) => app.stop(8_000, hurry));
  shutdown.add('the backups', keepBackups(config, app.database, log).close);
  const server = await serveHttp(app, { host: config.host, port: config.port });
  shutdown.add('the API', server.close);
  await noteServer(config.home, server.port);

  await Promise.race([app.ready, aborted(shutdown.requested)]);
  if (shutdown.requested.aborted) return;
  const { requested } = shutdown;
  const key = await untilAvailable(() => ensureOperatorKey(config, app.database), requested, log);
  const sampleId = options.sample ? await untilAvailable(() => proposeSample(app), requested, log) : null;
  const url = config.publicUrl?.replace(/\/$/, '') ?? server.url;
  const code = await makeCode(app).catch(() => null);
  printBanner({
    url: code === null ? url : signInUrl(url, code),
    database: data.description,
    config,
    app,
    keyFile: key.file,
    sampleId,
    began,
  });
  if (sampleId) void tellSample(app, sampleId, log, began, shutdown.requested);
}

/** A code for the browser of whoever looks at this terminal; into a log goes none. */
async function makeCode(app: App): Promise<string | null> {
  const key = process.stdout.isTTY ? await readOperatorKey(app.config) : undefined;
  const operator = key === undefined ? null : await app.authenticate(key);
  return operator && (await app.sessions.makeCode(operator)).code;
}

function printBanner(given: {
  url: string;
  database: string;
  config: Config;
  app: App;
  keyFile: string | null;
  sampleId: string | null;
  began: number;
}): void {
  const { url, database, config, app, keyFile, sampleId } = given;
  const seconds = ((performance.now() - given.began) / 1000).toFixed(1);
  printLine(`opsloop ${VERSION} runs since ${seconds} s`);
  printLine(`  dashboard      ${url}`);
  printLine(`  database       ${database}`);
  printLine(`  workspace      ${config.workspace} (task files into inbox/, results in outputs/)`);
  printLine(`  model          ${app.llm.status().serving}`);
  printLine(`  operator key   ${keyFile ?? 'from OPSLOOP_API_KEY'}`);
  printLine('');
  printLine('Next, in another terminal:');
  if (sampleId) printLine(`  npx opsloop show ${sampleId}`);
  printLine('  npx opsloop propose "Compare two ways to do it" --body "One fact. Another fact."');
  printLine('  npx opsloop events --follow');
  printLine('Ctrl+C stops everything in order.');
}

/** Says when the sample's mission has ended, so that a newcomer sees the loop close. */
async function tellSample(
  app: App,
  id: string,
  log: Log,
  began: number,
  stopped: AbortSignal,
): Promise<void> {
  for (let looks = 0; looks < 300 && !stopped.aborted; looks++) {
    const proposal = await getProposal(app.database, id).catch(() => null);
    if (proposal?.status === 'completed') {
      const seconds = Number(((performance.now() - began) / 1000).toFixed(1));
      log.info({ part: 'opsloop', outcome: proposal.outcome, seconds }, 'the sample mission has ended');
      return;
    }
    await sleep(100, stopped);
  }
}

function withOptions(config: Config, options: UpOptions): Config {
  const port = options.port === undefined ? config.port : Number(options.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new AppError('usage', `--port "${options.port}" is no port; give a number from 0 to 65535.`);
  }
  return {
    ...config,
    port,
    host: options.host ?? config.host,
    allowRemote: options.allowRemote ?? config.allowRemote,
  };
}

/** Anybody who can reach the port can try keys, so that is never an accident. */
function requireAllowedAddress({ host, allowRemote }: Config): void {
  if (allowRemote || host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)) return;
  throw new AppError(
    'config_invalid',
    `${host} can be reached from other machines. If that is meant, add --allow-remote (or OPSLOOP_ALLOW_REMOTE=1), set OPSLOOP_ALLOWED_HOSTS, and put TLS before it.`,
  );
}
