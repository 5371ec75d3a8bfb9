import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { serveHttp } from '../../src/http/serve.ts';
import { revokeKey } from '../../src/keys/keys.ts';
import { cancelMission } from '../../src/loop/missions.ts';
import { setPolicy } from '../../src/policy/policy.ts';
import { useApp } from '../support/app.ts';
import { eventually, openPolicy, proposer } from '../support/loop.ts';
import { clearQueue, eventsOf, stepIs } from '../support/worker.ts';

const t = useApp({ parts: { worker: false, keeper: true } });
const CLIENTS = resolve(import.meta.dirname, '../../clients');
const folder = mkdtempSync(join(tmpdir(), 'opsloop-workers-'));

const started: ChildProcess[] = [];
const closing: (() => unknown)[] = [];
afterAll(async () => {
  for (const child of started) child.kill('SIGKILL');
  for (const close of closing) await close();
});
beforeEach(async () => {
  await openPolicy(t.database, ['own']);
  await setPolicy(t.database, 'plans', { own: ['shout'] }, 'test');
  await clearQueue(t.database);
});

/** Says what it does; waits where the title says so, until it is told to stop. */
const SHOUT = `
import sys, threading
from opsloop_worker import Fail, Release, Worker
worker = Worker(lease_seconds=10)
@worker.step("shout")
def shout(step):
    print("works", step.proposal["title"], step.attempt, flush=True)
    step.usage.append({"model": "loud", "input_tokens": 3})
    title = step.proposal["title"]
    if title == "wait":
        step.aborted.wait()
        print("stops", step.why_aborted, flush=True)
        raise Exception("stopped")
    if title == "gate": input()
    if title == "fail": raise Fail("not today", kind="no_luck", final=True)
    if title == "error": raise KeyError("nothing")
    if title == "release": raise Release(3600, "no_model")
    if title == "odd": return {"set": {1}}
    if title == "exit": sys.exit(3)
    if title == "odd usage": step.usage.append({"set": {1}})
    if title == "unknown usage": step.usage.append({"tokens": 1})
    if title == "no word": raise Fail("why", kind="No Word")
    if title == "large": return "x" * 600000
    return {"text": step.proposal["body"].upper(), "half": "\\ud800"}
worker.run(slots=4)
`;

async function python(url: string, key: string) {
  const child = spawn('python3', ['-u', '-c', SHOUT], {
    env: {
      ...process.env,
      PYTHONPATH: join(CLIENTS, 'python'),
      PYTHONDONTWRITEBYTECODE: '1',
      OPSLOOP_URL: url,
      OPSLOOP_API_KEY: key,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  return watch(child);
}

async function shell(url: string, key: string, ...command: string[]) {
  const child = spawn(join(CLIENTS, 'shell/worker.sh'), ['shout', ...command], {
    env: { ...process.env, OPSLOOP_URL: url, OPSLOOP_API_KEY: key },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return watch(child);
}

async function watch(child: ChildProcess) {
  started.push(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  await once(child, 'spawn');
  return {
    child,
    ended,
    said: () => said,
    says: (text: string) => eventually(async () => said.includes(text)),
  };
}

async function propose(title: string) {
  const { mission } = await proposer(t.database)({ kind: 'own', title, body: 'hello' });
  t.app.database.hints.tell('steps');
  return { stepId: mission?.steps[0]?.id ?? '', missionId: mission?.mission.id ?? '' };
}

const workKey = () => t.key({ scopes: ['work'], kinds: ['shout'] });
const ended = (stepId: string) =>
  stepIs(t.database, stepId, ({ status }) => status === 'completed' || status === 'failed');

test('a worker in Python completes, fails and releases as its functions say', async () => {
  const worker = await python((await t.serve()).url, await workKey());
  const ids = new Map<string, string>();
  for (const title of ['fine', 'fail', 'error', 'release', 'odd', 'large'])
    ids.set(title, (await propose(title)).stepId);
  const of = (title: string) => ids.get(title) ?? '';
  expect((await ended(of('fine'))).output).toEqual({ text: 'HELLO', half: '\ufffd' });
  expect((await ended(of('fail'))).failure).toMatchObject({ class: 'no_luck', message: 'not today' });
  expect((await ended(of('large'))).failure).toMatchObject({ class: 'output_refused' });
  for (const title of ['error', 'odd']) {
    const step = await stepIs(t.database, of(title), ({ failures }) => failures === 1);
    expect(step).toMatchObject({ status: 'queued', failure: { class: 'error' } });
  }
  const released = await stepIs(t.database, of('release'), ({ available_at }) => available_at !== null);
  expect(released).toMatchObject({ status: 'queued', failures: 0 });
  expect(await eventsOf(t.database, of('fine'), 'model.called')).toMatchObject([
    { payload: { set: { model: 'loud', input_tokens: 3 } } },
  ]);
  worker.child.kill('SIGTERM');
  expect(await worker.ended).toBe(0);
});

test('a worker in Python ends each attempt, also one whose end cannot be sent or is refused', async () => {
  const worker = await python((await t.serve()).url, await workKey());
  for (const [title, failureClass] of [
    ['exit', 'error'],
    ['odd usage', 'error'],
    ['unknown usage', 'output_refused'],
    ['no word', 'output_refused'],
  ] as const) {
    const { stepId } = await propose(title);
    const { failure } = await stepIs(t.database, stepId, ({ failures }) => failures === 1);
    expect([title, failure?.class]).toEqual([title, failureClass]);
  }
  worker.child.kill('SIGTERM');
  expect(await worker.ended).toBe(0);
});

test('workers whose key is revoked stop what they work', async () => {
  const { url } = await t.serve();
  const key = await workKey();
  const script = join(folder, 'trapped.sh');
  writeFileSync(
    script,
    `trap 'touch ${folder}/stopped; exit 1' TERM\ntouch ${folder}/begun\nsleep 600 &\nwait`,
  );
  const curl = await shell(url, key, 'bash', script);
  const { missionId: one } = await propose('by curl');
  await eventually(async () => existsSync(join(folder, 'begun')));
  const worker = await python(url, key);
  const { missionId: other } = await propose('wait');
  await worker.says('works wait');
  await revokeKey(t.database, key.split('_')[1] ?? '', 'test');
  await worker.says('stops claim_lost');
  await eventually(async () => existsSync(join(folder, 'stopped')));
  for (const { child, ended: over } of [worker, curl]) {
    child.kill('SIGTERM');
    await over;
  }
  // Once their leases end, the next worker would get them.
  for (const id of [one, other]) await cancelMission(t.database, id, { by: 'test' });
}, 60_000);

test('a worker in Python is told to stop what was cancelled', async () => {
  const worker = await python((await t.serve()).url, await workKey());
  const { missionId } = await propose('wait');
  await worker.says('works wait');
  await cancelMission(t.database, missionId, { by: 'test' });
  await worker.says('stops claim_lost');
  worker.child.kill('SIGTERM');
  expect(await worker.ended).toBe(0);
});

test('a worker in Python that is told to end gives back what it works', async () => {
  const worker = await python((await t.serve()).url, await workKey());
  const { stepId } = await propose('wait');
  await worker.says('works wait');
  worker.child.kill('SIGTERM');
  expect(await worker.ended).toBe(0);
  expect(worker.said()).toContain('stops shutdown');
  const step = await stepIs(t.database, stepId, ({ status }) => status === 'queued');
  expect(step).toMatchObject({ failures: 0, attempt: 1 });
});

test('a worker in Python delivers what it did while the server was away', async () => {
  const server = await t.serve();
  const worker = await python(server.url, await workKey());
  const { stepId } = await propose('gate');
  await worker.says('works gate');
  await server.close();
  worker.child.stdin?.write('\n');
  await worker.says('a result waits');
  const again = await serveHttp(t.app, { host: '127.0.0.1', port: server.port });
  closing.push(again.close);
  expect(await ended(stepId)).toMatchObject({ status: 'completed', attempt: 1, output: { text: 'HELLO' } });
  const next = await propose('fine');
  expect((await ended(next.stepId)).status).toBe('completed');
  worker.child.kill('SIGTERM');
  await worker.ended;
}, 60_000);

test('a worker in Python whose key is refused ends and says why', async () => {
  const worker = await python((await t.serve()).url, await t.key({ scopes: ['work'], kinds: ['other'] }));
  expect(await worker.ended).toBe(1);
  expect(worker.said()).toContain('may claim steps of kind other, and not of shout');
});

test('a worker of curl and jq completes, fails and releases by exit codes, and gives back what it works', async () => {
  const script = join(folder, 'work.sh');
  writeFileSync(
    script,
    `[ -z "\${OPSLOOP_API_KEY:-}" ] || exit 9
     claim=$(cat)
     case $(printf %s "$claim" | jq -r .proposal.title) in
       fail) echo 'not today' >&2; exit 3 ;;
       release) exit 75 ;;
       wait) echo working >&2; touch ${folder}/waits; sleep 600 ;;
       *) printf %s "$claim" | jq -r .proposal.body | tr a-z A-Z ;;
     esac`,
  );
  const worker = await shell((await t.serve()).url, await workKey(), 'bash', script);
  const fine = await propose('fine');
  expect(await ended(fine.stepId)).toMatchObject({ status: 'completed', output: { text: 'HELLO\n' } });
  const fail = await propose('fail');
  const failed = await stepIs(t.database, fail.stepId, ({ failures }) => failures === 1);
  expect(failed.failure).toMatchObject({ class: 'exit_code', message: 'exit code 3: not today\n' });
  const release = await propose('release');
  const released = await stepIs(t.database, release.stepId, ({ available_at }) => available_at !== null);
  expect(released).toMatchObject({ status: 'queued', failures: 0 });

  const wait = await propose('wait');
  await stepIs(t.database, wait.stepId, ({ status }) => status === 'running');
  await eventually(async () => existsSync(join(folder, 'waits')));
  worker.child.kill('SIGTERM');
  await worker.ended;
  expect(await stepIs(t.database, wait.stepId, ({ status }) => status === 'queued')).toMatchObject({
    failures: 0,
  });
}, 60_000);
