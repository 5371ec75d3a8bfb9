import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { silentLog } from '../../src/log.ts';
import { echo, filesBelow, makeCanaries, processList, wholeDatabase } from '../support/canaries.ts';
import { onServer, useDatabase } from '../support/database.ts';
import { startAnswering } from '../support/http-answers.ts';
import { eventually } from '../support/loop.ts';
import { makeOverheard } from '../support/overheard.ts';

const db = useDatabase('empty');
const canaries = makeCanaries();
const random = () => randomBytes(32).toString('base64url').replaceAll('-', '_');
const OPEN = 'this-may-be-read-by-everybody';

const secrets = {
  operator: canaries.add("the operator's key", random()),
  database: canaries.add('the password of the database', random()),
  wrongDatabase: canaries.add('a wrong password of the database', random()),
  provider: canaries.add('the key of a model provider', `sk-${random()}`),
  header: canaries.add('a header of a model provider', random()),
  program: canaries.add('a variable that a program is given', random()),
  hook: canaries.add('a secret in the address of a webhook', random()),
  signing: canaries.add('the secret that signs calls', `whsec_${randomBytes(32).toString('base64')}`),
  foreign: canaries.add('a variable that is none of our business', random()),
};
const ROLE = `canary_${randomBytes(4).toString('hex')}`;
const folder = mkdtempSync(join(tmpdir(), 'opsloop-canaries-'));
const home = join(folder, 'home');
const temporary = join(folder, 'tmp');

const env: Record<string, string> = {
  OPSLOOP_HOME: home,
  OPSLOOP_API_KEY: secrets.operator,
  OPSLOOP_LLM: 'who:m',
  OPSLOOP_LOG: 'trace',
  OPSLOOP_ALLOW_UNSAFE_DATABASE: '1',
  PROGRAM_KEY: secrets.program,
  AWS_SECRET_ACCESS_KEY: secrets.foreign,
  TMPDIR: temporary,
};
const { said, programs, cli, up, call, ask, made } = makeOverheard(env, canaries);
let own: Database;

let server: Awaited<ReturnType<typeof startAnswering>>;

beforeAll(async () => {
  server = await startAnswering(echo);
  await onServer(`create role ${ROLE} login createdb password '${secrets.database}'`);
  await onServer(`alter database ${new URL(db.directUrl).pathname.slice(1)} owner to ${ROLE}`);
  const address = (password: string) => {
    const url = new URL(db.directUrl);
    return Object.assign(url, { username: ROLE, password }).href;
  };
  own = openDatabase(db.directUrl, { log: silentLog(), max: 2 });
  mkdirSync(home);
  mkdirSync(temporary);
  chmodSync(folder, 0o711);
  const compatible = { type: 'openai-compatible', apiKeyEnv: 'PROVIDER_KEY', models: ['m'] };
  const config = {
    llm: {
      providers: {
        who: { ...compatible, baseUrl: `${server.url}/who/v1` },
        broken: {
          ...compatible,
          baseUrl: `${server.url}/broken/v1`,
          headers: { 'x-api-key': secrets.header },
        },
        late: { ...compatible, baseUrl: `${server.url}/late/v1` },
        busy: { ...compatible, baseUrl: `${server.url}/busy/v1` },
        program: {
          type: 'command',
          command: ['/bin/sh', '-c', 'cat; env; env >&2; exit 3'],
          env: ['PROGRAM_KEY'],
          models: ['m'],
        },
      },
    },
    webhooks: { allow: ['127.0.0.1'] },
  };
  writeFileSync(join(home, 'config.json'), JSON.stringify(config), { mode: 0o600 });
  writeFileSync(join(home, '.env'), `PROVIDER_KEY=${secrets.provider}\n`, { mode: 0o600 });
  env.DATABASE_URL = address(secrets.database);
  await everyday();
  await trouble(address(secrets.wrongDatabase));
}, 180_000);

afterAll(async () => {
  for (const { child } of programs) child.kill('SIGKILL');
  await own.close();
  await server[Symbol.asyncDispose]();
  await onServer(`drop database if exists ${new URL(db.directUrl).pathname.slice(1)} with (force)`);
  await onServer(`drop role if exists ${ROLE}`);
  rmSync(folder, { recursive: true, force: true });
});

/** Keys, sessions, webhooks and links are made, work is done, and much of it fails. */
async function everyday(): Promise<void> {
  const running = await up();
  const agentKey = await made("an agent's key", 'key', '/api/ops/keys', {
    name: 'agent',
    scopes: ['propose', 'read', 'emit'],
    agent_id: 'pm',
  });
  const workKey = await made("a worker's key", 'key', '/api/ops/keys', { name: 'w', scopes: ['work'] });
  const code = await made('a code for signing in', 'code', '/api/ops/sign-in-codes', {});
  const session = await made('a session', 'token', '/api/ops/session', {}, code);
  const unused = await made('a code that nobody used', 'code', '/api/ops/sign-in-codes', {});

  const typed = (name: string, text: string) =>
    execFileSync(process.execPath, ['dist/cli/main.js', 'secrets', 'set', name], {
      env: { ...env, PATH: process.env.PATH },
      input: text,
      encoding: 'utf8',
    });
  said.push({ what: 'secrets set', text: typed('chat', `${server.url}/services/${secrets.hook}`) });
  said.push({ what: 'secrets set', text: typed('webhook-program', secrets.signing) });
  await ask('PUT', '/api/ops/webhooks/chat', {
    url: '{secret:chat}',
    template: 'slack',
    topics: ['proposal', 'mission.failed', 'problem'],
    links: true,
  });
  await ask('PUT', '/api/ops/webhooks/program', {
    url: `${server.url}/program`,
    topics: ['proposal', 'mission.failed', 'problem'],
    links: true,
  });

  await ask('PUT', '/api/ops/policy/plans', { value: { outside: ['outside'] } });
  const auto = { enabled: true, kinds: ['analysis', 'outside'] };
  await ask('PUT', '/api/ops/policy/auto_approve', { value: auto });
  await ask('PUT', '/api/ops/policy/stale_steps', { value: { after_minutes: 30, max_failures: 1 } });
  for (const [agent, model] of [
    ['pm', 'who:m'],
    ['coder', 'broken:m'],
    ['research', 'program:m'],
    ['qa', 'busy:m'],
    ['ops', 'late:m'],
  ] as const) {
    await ask('PUT', `/api/ops/agents/${agent}`, { model_override: model });
    await ask('POST', '/api/ops/proposals', { agent_id: agent, kind: 'analysis', title: 'Try', body: OPEN });
  }
  await ask('POST', '/api/ops/proposals', { kind: 'deploy', title: 'Ship', body: OPEN }, agentKey);
  await ask('POST', '/api/ops/proposals', { agent_id: 'pm', kind: 'outside', title: 'Out', body: OPEN });

  const worker = `w-${crypto.randomUUID()}`;
  const claimed = await call(
    'POST',
    '/api/ops/work/claim',
    { worker, kinds: ['outside'], wait_seconds: 10 },
    workKey,
  );
  const [claim] = (JSON.parse(claimed.text) as { claims: { claim_id: string; token: string }[] }).claims;
  const token = canaries.add("a claim's token", claim?.token ?? '');
  const path = `/api/ops/work/claims/${claim?.claim_id}`;
  await ask('POST', `${path}/renew`, {}, token);
  await ask('GET', '/api/ops/proposals', undefined, token);
  await ask('POST', `${path}/fail`, { class: 'no_luck', message: OPEN, final: true }, token);
  await ask('POST', `${path}/complete`, { output: {} }, token);

  // Keys where they do not belong, and those that are over.
  for (const key of [agentKey, workKey, code, unused, session, token]) {
    await ask('GET', '/api/ops/keys', undefined, key);
    await ask('POST', '/api/ops/policy/nothing', { key }, `${key}x`);
    await ask('POST', '/api/ops/session', {}, key);
    await ask('GET', '/api/ops/decision', undefined, key);
  }
  await eventually(async () => (await failedSteps()) >= 5, 60_000);
  // Each receiver was called about the proposal that waits, and repeated all of it in its complaint.
  const linksOf = () =>
    server.asked.flatMap(({ body }) => [...body.matchAll(/opd_\w{8}_[\w-]{43}/g)].map(([link]) => link));
  const [link = ''] = await eventually(async () => linksOf().length >= 2 && linksOf());
  for (const each of linksOf()) canaries.add('a link that decides', each);
  await ask('GET', '/api/ops/decision', undefined, link);
  await ask('POST', '/api/ops/decision', { decision: 'reject', reason: OPEN }, link);
  await ask('POST', '/api/ops/decision', { decision: 'approve' }, link);
  await eventually(async () => {
    const [row] = await own.query<{ n: number }>(
      `select count(distinct webhook_id)::int as n from ops_deliveries where last_error like '%refused%'`,
    );
    return row?.n === 2;
  }, 30_000);
  // As if it crashed in the middle of its work.
  running.signal('SIGKILL');
  await running.ended;
}

async function failedSteps(): Promise<number> {
  const [row] = await own.query<{ n: number }>(
    `select count(*)::int as n from ops_steps where status = 'failed'`,
  );
  return row?.n ?? 0;
}

const LOOKED_AT = [
  ...'/metrics /openapi.json /api/status /api/ops/webhooks/chat/calls /api/ops/webhooks/program/calls'.split(
    ' ',
  ),
  ...'health keys webhooks events attention steps policy agents alerts session'
    .split(' ')
    .map((name) => `/api/ops/${name}`),
];
const COMMANDS = [
  ...'doctor,doctor --json,check,check --json,backup --json,export,keys --json,webhooks --json'.split(','),
  ...'webhooks calls chat,secrets --json,events --limit 500 --json,events verify,open,attention'.split(','),
  ...'proposals,health --json,keys revoke nothing --json,migrate --status --json'.split(','),
];

/** A database that refuses, statements that fail, and whatever an operator looks at then. */
async function trouble(wrongAddress: string): Promise<void> {
  const running = await up();
  for (const table of ['ops_sessions', 'ops_api_keys', 'ops_webhooks', 'ops_proposals', 'ops_work_claims']) {
    await own.query(`alter table ${table} rename to elsewhere`);
    await ask('POST', '/api/ops/sign-in-codes', {});
    await ask('POST', '/api/ops/keys', { name: 'x', scopes: ['read'] });
    await ask('GET', '/api/ops/webhooks');
    await ask('GET', '/api/ops/proposals');
    await ask('GET', '/api/ops/health');
    await ask('GET', '/api/ops/proposals', undefined, `ops_AAAAAAAA_${secrets.foreign.slice(0, 43)}`);
    await own.query(`alter table elsewhere rename to ${table}`);
  }
  for (const path of LOOKED_AT) await ask('GET', path);
  await ask('POST', '/api/ops/heartbeat', {});
  for (const command of COMMANDS) await cli(command.split(' '));
  said.push({ what: 'the process list', text: processList() });

  const wrong = { DATABASE_URL: wrongAddress };
  for (const args of [['doctor'], ['check', '--json'], ['migrate'], ['backup', '--json']])
    await cli(args, wrong);
  for (const [name, value] of [
    ['DATABASE_URL', `mysql://x:${secrets.wrongDatabase}@127.0.0.1/x`],
    ['OPSLOOP_LISTEN_URL', `http://x:${secrets.wrongDatabase}@127.0.0.1/x`],
    ['OPSLOOP_API_KEY', `${secrets.foreign} with a blank`],
    ['OPSLOOP_API_KEY', secrets.foreign],
  ] as const)
    for (const args of [['doctor'], ['keys', '--json']]) await cli(args, { [name]: value });
  running.signal('SIGTERM');
  await running.ended;
}

/** Where a secret is to be: these files, for their owner alone. */
const KNOWN = new Map([
  ['home/.env', ['the key of a model provider']],
  ['home/secrets/chat', ['a secret in the address of a webhook']],
  ['home/secrets/webhook-program', ['the secret that signs calls']],
  // Whoever writes a secret into the settings has it there, and in backups: docs/models.md says so.
  ['home/config.json', ['a header of a model provider']],
]);

test('nothing that was printed or answered holds one', () => {
  const printed = programs.map(({ child, stdout, stderr }) => ({
    what: child.spawnargs.slice(2).join(' '),
    text: `${stdout()}\n${stderr()}`,
  }));
  const leaks = [...said, ...printed].flatMap(({ what, text }) =>
    canaries.in(text).map((found) => `${what}: ${found}`),
  );
  expect(leaks).toEqual([]);
  // What was looked through is what was meant: logs of every level, failures, and answers.
  const logs = printed.map(({ text }) => text).join('\n');
  for (const level of ['info', 'warn', 'error'])
    expect([level, logs.includes(`"level":"${level}"`)]).toEqual([level, true]);
  expect(said.filter(({ what }) => what.endsWith('(500)')).length).toBeGreaterThan(5);
  expect(said.some(({ text }) => text.includes(OPEN))).toBe(true);
});

test('no row of any table holds one', async () => {
  const tables = await wholeDatabase(own);
  const leaks = [...tables].flatMap(([name, text]) => canaries.in(text).map((found) => `${name}: ${found}`));
  expect(leaks).toEqual([]);
  for (const name of ['ops_sessions', 'ops_api_keys', 'ops_webhooks', 'ops_deliveries', 'ops_work_claims'])
    expect([name, tables.get(name)]).toEqual([name, expect.stringMatching(/./)]);
  expect(tables.get('ops_proposals')).toContain(OPEN);
  // The secrets were repeated to us, and stand there no more.
  expect(tables.get('ops_deliveries')).toContain('[secret]');
  expect(tables.get('ops_events')).toContain('[secret]');
});

test('of all files, those hold one that are known to, and nobody else can read them', () => {
  const files = filesBelow(folder);
  const found = [...files].flatMap(([path, { bytes }]) => {
    const held = canaries.in(bytes);
    return held.length > 0 && !path.endsWith('.backup') ? [[path, held] as const] : [];
  });
  expect(new Map(found)).toEqual(KNOWN);
  for (const path of KNOWN.keys()) expect([path, files.get(path)?.mode]).toEqual([path, 0o600]);
});

test('a backup holds what is in the settings, and no other', () => {
  const backups = [...filesBelow(folder)].filter(([path]) => path.endsWith('.backup'));
  expect(backups).toHaveLength(1);
  for (const [, { bytes, mode }] of backups) {
    expect(mode).toBe(0o600);
    expect(bytes.includes(OPEN)).toBe(true);
    expect(canaries.in(bytes)).toEqual(['a header of a model provider']);
  }
});
