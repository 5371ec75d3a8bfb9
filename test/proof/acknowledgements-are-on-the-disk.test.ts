import { randomBytes, randomUUID } from 'node:crypto';
import { realpath, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { openDatabase } from '../../src/db/database.ts';
import { homeOwner } from '../../src/db/local/lock.ts';
import { attachLocalPostgres } from '../../src/db/local/local-postgres.ts';
import { silentLog } from '../../src/log.ts';
import { eventually } from '../support/loop.ts';
import { makeHome, runProgram, startUp } from '../support/process.ts';
import { count, figure, partOf } from '../support/proof.ts';
import {
  type Call,
  isSync,
  isWrite,
  onWhat,
  readTrace,
  underStrace,
  whyNoStrace,
} from '../support/strace.ts';

/**
 * The order of the system calls of a server, its PostgreSQL and a backup, from the first start on: what is told is on
 * the disk before. A power cut can come after any of them.
 */
const why = process.platform === 'linux' ? whyNoStrace() : 'strace is for Linux';
if (why !== null && process.env.CI) throw new Error(why);
if (why !== null) process.stderr.write(`acknowledgements-are-on-the-disk is skipped: ${why}\n`);

const EACH = partOf(200, 5);
const mark = () => `mark-${randomBytes(8).toString('hex')}`;

let path = '';
let calls: Call[] = [];
const marks = { proposed: [] as string[], completed: [] as string[], dropped: [] as string[] };
let settings: Record<string, string> = {};
let backup: Call[] = [];

type Claims = { claims: { claim_id: string; token: string }[] };

describeTraced(() => {
  beforeAll(async () => {
    await using home = await makeHome();
    path = await realpath(home.path);
    const trace = join(path, 'trace');
    const env = { OPSLOOP_LLM: 'extractive', OPSLOOP_FILES: 'process' };
    const worker = `traced-${randomUUID()}`;
    const up = await startUp(home, env, ['--no-sample'], underStrace(trace));
    const policy = (key: string, value: unknown) => up.call('PUT', `/api/ops/policy/${key}`, { value });
    await policy('daily_caps', { timezone: 'UTC', per_agent: 100_000, total: 100_000 });
    await policy('auto_approve', { enabled: true, kinds: ['own', 'task'] });
    await policy('plans', { own: ['shout'] });

    for (let n = 0; n < EACH; n++) {
      const [title, text, name] = [mark(), mark(), `${mark()}.txt`];
      await up.call('POST', '/api/ops/proposals', { agent_id: 'pm', kind: 'own', title, body: 'x' });
      marks.proposed.push(title);
      const { claims } = await up.call<Claims>('POST', '/api/ops/work/claim', {
        worker,
        kinds: ['shout'],
      });
      const [claim] = claims;
      const answer = await fetch(`${up.url}/api/ops/work/claims/${claim?.claim_id}/complete`, {
        method: 'POST',
        headers: { authorization: `Bearer ${claim?.token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ output: { text } }),
      });
      expect(answer.status).toBe(200);
      marks.completed.push(text);
      await writeFile(join(path, 'workspace/inbox', `.${name}`), 'A fact.');
      await rename(join(path, 'workspace/inbox', `.${name}`), join(path, 'workspace/inbox', name));
      marks.dropped.push(name.slice(0, -'.txt'.length));
    }
    const local = await attachLocalPostgres({ home: path, log: silentLog() });
    const database = openDatabase(local.url, { log: silentLog(), max: 1 });
    const finished = "select from ops_files where status = 'finished'";
    await eventually(async () => (await database.query(finished)).length === EACH, 120_000);
    const rows = await database.query<{ name: string; setting: string }>(
      'select name, setting from pg_settings',
    );
    settings = Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
    await database.close();

    const made = await runProgram(
      ['backup', '--no-verify'],
      { OPSLOOP_HOME: path },
      undefined,
      underStrace(`${trace}.backup`),
    );
    expect(made).toMatchObject({ code: 0 });
    backup = readTrace(`${trace}.backup`);
    const owner = await homeOwner(path);
    process.kill(owner?.pid ?? 0, 'SIGTERM');
    await up.program.ended;
    calls = readTrace(trace);
  }, 300_000);

  test(`${count(2 * EACH)} answers to clients follow the sync of the log of PostgreSQL`, () => {
    const late = [...marks.proposed, ...marks.completed].flatMap((one) => problemOfAnswer(one));
    expect(late).toEqual([]);
    figure(
      'answers before their commit is on the disk',
      '0',
      `0 of ${count(2 * EACH)}, by the order of the system calls`,
    );
  });

  test(`${count(EACH)} outputs are whole on the disk before the database says that they are written`, () => {
    for (const stem of marks.dropped) {
      const linked = find(calls, ({ name, args }) => name.startsWith('link') && args.includes(`/${stem}__`));
      const told = find(
        calls,
        (call) => isStatement(call) && has(call, 'set written_at') && has(call, `${stem}__`),
      );
      expect(problemOfFile(calls, linked, told)).toEqual([]);
    }
  });

  test('the key of the operator is on the disk before it is told of', () => {
    const named = find(
      calls,
      ({ name, args }) => name.startsWith('rename') && args.endsWith('/operator.key"'),
    );
    const told = find(calls, (call) => has(call, 'operator key   '));
    expect(problemOfFile(calls, named, told)).toEqual([]);
  });

  test('so is the key of the log before it signs, and each head before the beat is noted', () => {
    const named = find(calls, ({ name, args }) => name.startsWith('link') && args.endsWith('/log-key.pem"'));
    const heads = calls.filter((call) => isWrite(call) && onWhat(call) === join(path, 'log-heads.jsonl'));
    expect(heads.length).toBeGreaterThan(0);
    expect(problemOfFile(calls, named, heads[0])).toEqual([]);
    for (const [index, head] of heads.entries()) {
      const noted = find(
        calls,
        (call) => call.began > head.ended && isStatement(call) && has(call, 'ops_action_runs'),
      );
      expect(problemOfSync(calls, head, onWhat(head), noted)).toEqual([]);
      if (index === 0) expect(problemOfSync(calls, head, path, noted)).toEqual([]);
    }
  });

  test('a backup is on the disk, with the folders it is in, before it is told of', () => {
    const named = find(backup, ({ name, args }) => name.startsWith('link') && args.endsWith('.backup"'));
    const told = find(backup, (call) => isStatement(call) && has(call, 'backup.made'));
    expect(problemOfFile(backup, named, told)).toEqual([]);
    const made = find(
      backup,
      ({ name, args }) => name.startsWith('mkdir') && args.includes(join(path, 'backups')),
    );
    expect(problemOfSync(backup, made, path, told)).toEqual([]);
  });

  test('the folders of the workspace are on the disk before anything in them is told of', () => {
    const told = find(calls, (call) => isStatement(call) && has(call, 'set written_at'));
    for (const folder of ['workspace', 'workspace/inbox', 'workspace/outputs', 'workspace/state']) {
      const made = find(
        calls,
        ({ name, args }) => name.startsWith('mkdir') && args.startsWith(`"${join(path, folder)}"`),
      );
      expect([folder, problemOfSync(calls, made, dirname(join(path, folder)), told)]).toEqual([folder, []]);
    }
  });

  test('PostgreSQL itself says that it syncs, and that it would notice a page that is not what was written', () => {
    expect(settings).toMatchObject({
      fsync: 'on',
      synchronous_commit: 'on',
      full_page_writes: 'on',
      wal_sync_method: 'fdatasync',
      data_checksums: 'on',
      zero_damaged_pages: 'off',
      ignore_checksum_failure: 'off',
    });
  });
});

function describeTraced(tests: () => void): void {
  if (why === null) tests();
  else test.skip(why, () => undefined);
}

function find(all: Call[], is: (call: Call) => boolean): Call | undefined {
  return all.find(is);
}

const has = ({ args }: Call, text: string): boolean => args.includes(text);
/** What the server says to PostgreSQL; of PostgreSQL's own calls none is a write to a connection. */
const isStatement = (call: Call): boolean => /^writev?$/.test(call.name) && onWhat(call).startsWith('TCP');

/** Why an answer to a client came too early, following the mark from the statement to the answer; empty: it did not. */
function problemOfAnswer(text: string): string[] {
  const statement = find(calls, (call) => isStatement(call) && has(call, text));
  if (!statement) return [`${text}: no statement has it`];
  const [, ours = '', theirs = ''] = /^TCP:\[(.*)->(.*)\]$/.exec(onWhat(statement)) ?? [];
  const backend = `TCP:[${theirs}->${ours}]`;
  // Ready for the next one, and in no transaction.
  const committed = find(
    calls,
    (call) => call.began > statement.began && onWhat(call) === backend && has(call, String.raw`Z\0\0\0\5I`),
  );
  const answer = find(
    calls,
    (call) => call.began > statement.ended && isStatement(call) && has(call, 'HTTP/1.1 20'),
  );
  if (!committed || !answer) return [`${text}: no commit or no answer`];
  if (answer.began < committed.began) return [`${text}: answered before the commit was`];
  const commit = calls.findLast(
    (call) => isStatement(call) && onWhat(call) === onWhat(statement) && call.began < committed.began,
  );
  const logged = calls.filter(
    (call) =>
      isWrite(call) &&
      onWhat(call).includes('/pg_wal/') &&
      call.ended > (commit?.began ?? statement.began) &&
      call.ended < committed.began,
  );
  // Another one may bring our commit to the disk with its own, and somebody may write more after that.
  const written = logged.findLast(({ pid }) => pid === committed.pid) ?? logged[0];
  if (!written) return [`${text}: nothing was written to the log of PostgreSQL`];
  return problemOfSync(calls, written, onWhat(written), committed).map((problem) => `${text}: ${problem}`);
}

/** Of a file that was written under another name: its sync, its name, and the sync of its folder, in this order. */
function problemOfFile(all: Call[], named: Call | undefined, told: Call | undefined): string[] {
  if (!named) return ['it never got its name'];
  const [from = '', to = ''] = [...named.args.matchAll(/"([^"]*)"/g)].map(([, name]) => name ?? '');
  const temporary = from.split('/').at(-1) ?? '';
  const written = all.findLast(
    (call) => isWrite(call) && onWhat(call).endsWith(`/${temporary}`) && call.ended < named.began,
  );
  if (!written) return ['it was never written'];
  const folder = dirname(onWhat(written));
  return [
    ...problemOfSync(all, written, onWhat(written), named),
    ...problemOfSync(all, named, folder, told).map((problem) => `${to}: ${problem}`),
  ];
}

/** Whether something that was done is brought to the disk before the next is begun. */
function problemOfSync(
  all: Call[],
  done: Call | undefined,
  what: string,
  before: Call | undefined,
): string[] {
  if (!done || !before) return [`${what}: ${done ? 'it was never told' : 'it was never done'}`];
  const synced = all.some(
    (call) => isSync(call) && onWhat(call) === what && call.began > done.ended && call.ended < before.began,
  );
  return synced ? [] : [`${what} was not synced between ${done.name} and ${before.name}`];
}
