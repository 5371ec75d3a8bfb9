import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { llmConfigSchema } from '../../src/llm/llm.ts';
import { eventually } from '../support/loop.ts';
import { makeTestLlm } from './make-test-llm.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'opsloop-command-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const ENVIRONMENT = { PATH: process.env.PATH ?? '', HOME: '/nowhere', OPSLOOP_API_KEY: 'ours' };

/** A provider that runs this script by the shell. */
function sh(script: string, more: Record<string, unknown> = {}, secrets: Record<string, string> = {}) {
  const prog = { type: 'command' as const, command: ['/bin/sh', '-c', script, 'sh', '{model}'], ...more };
  return makeTestLlm({ mode: 'auto', providers: { prog } }, { secrets: { ...ENVIRONMENT, ...secrets } });
}

test('the prompt goes to its stdin and what it prints is the answer', async () => {
  await using at = sh('cat; printf " [%s]" "$1"');
  expect(await at.ask()).toMatchObject({
    text: 'Be brief.\n\nSay hello. [default]',
    engine: 'command',
    llm: true,
    provider: 'prog',
    model: 'default',
    usage: { inputTokens: null, outputTokens: null, costUsd: null },
  });
  expect((await at.ask({ model: 'prog:small-1.5' })).text).toContain('[small-1.5]');
});

test('a model name or a prompt is never a command', async () => {
  await using at = sh('printf "%s" "$1"; cat > /dev/null');
  for (const model of ['x;touch', '--allow-everything'])
    expect(await at.failure({ model: `prog:${model}` })).toMatchObject({ class: 'refused' });
  const bait = `$(touch ${folder}/pwned) \`touch ${folder}/pwned\``;
  expect((await at.ask({ prompt: bait })).text).toBe('default');
  await expect(access(join(folder, 'pwned'))).rejects.toThrow();
});

test('it gets the environment that is named and no more', async () => {
  const secrets = { ITS_KEY: 'for-it-alone', OTHER: 'not' };
  await using at = sh('cat > /dev/null; env', { env: ['ITS_KEY', 'UNSET'] }, secrets);
  const { text } = await at.ask();
  const names = text.split('\n').map((line) => line.split('=')[0]);
  expect(names).toEqual(expect.arrayContaining(['ITS_KEY', 'PATH', 'HOME']));
  expect(text).not.toMatch(/ours|OTHER|OPSLOOP/);
});

test.each(['OPSLOOP_API_KEY', 'DATABASE_URL', 'MC_API_KEY', 'PGPASSWORD'])(
  'our own %s cannot be given to it',
  (name) => {
    const config = { providers: { prog: { type: 'command', command: ['x'], env: [name] } } };
    const parsed = llmConfigSchema.safeParse(config);
    expect(parsed.error?.issues[0]?.message).toBe('no program gets the keys of opsloop');
  },
);

test('it runs in an empty folder of its own, which is removed', async () => {
  await using at = sh('cat > /dev/null; pwd; ls -A; touch left-behind');
  const place = (await at.ask()).text.trim();
  expect(place.split('\n')).toHaveLength(1);
  await expect(access(place)).rejects.toThrow();
  await using named = sh('cat > /dev/null; pwd', { cwd: folder });
  expect((await named.ask()).text.trim()).toContain(folder);
});

test('answer, tokens and cost are found in the JSON that it prints', async () => {
  const printed = JSON.stringify({ result: 'Fine.', usage: { in: 11, out: 2 }, total: 0.0125 });
  await using at = sh(`cat > /dev/null; echo working...; echo '${printed}'`, {
    answer: '/result',
    inputTokens: '/usage/in',
    outputTokens: '/usage/out',
    costUsd: '/total',
  });
  expect(await at.ask()).toMatchObject({
    text: 'Fine.',
    usage: { inputTokens: 11, outputTokens: 2, costUsd: 0.0125 },
  });
  await using other = sh('cat > /dev/null; echo "{}"', { answer: '/result' });
  expect(await other.failure()).toMatchObject({
    class: 'invalid_output',
    message: expect.stringContaining('an answer at /result'),
  });
});

test('JSON is asked for in words, checked, and asked for again once', async () => {
  const script = `if grep -q 'That answer is not valid'; then echo '{"ok":true}'; else echo maybe; fi`;
  await using at = sh(script);
  expect((await at.ask({ schema: z.object({ ok: z.boolean() }) })).object).toEqual({ ok: true });
  await using never = sh('cat > /dev/null; echo maybe');
  expect(await never.failure({ schema: z.object({ ok: z.boolean() }) })).toMatchObject({
    class: 'invalid_output',
  });
});

test.each([
  ['echo "quota is used up" >&2; exit 1', 'failed', 'ended with exit code 1: quota is used up'],
  ['echo later >&2; exit 75', 'unavailable', 'says that it cannot answer now: later'],
  ['kill -9 $$', 'failed', 'was ended by SIGKILL'],
  ['printf "   "', 'invalid_output', 'answered with nothing'],
])('%s: %s', async (script, errorClass, message) => {
  await using at = sh(`cat > /dev/null; ${script}`);
  expect(await at.failure()).toMatchObject({
    class: errorClass,
    message: expect.stringContaining(message),
  });
});

test('a program that is not there is waited for, and the status says so', async () => {
  const prog = { type: 'command' as const, command: ['no-such-program-here'] };
  await using at = makeTestLlm({ mode: 'prog:default', providers: { prog } }, { secrets: ENVIRONMENT });
  expect(await at.failure()).toMatchObject({ class: 'unavailable' });
  const [, status] = (await at.llm.refresh()).providers;
  expect(status).toMatchObject({
    reachable: false,
    problem: 'prog: there is no program no-such-program-here that we may run',
    address: 'no-such-program-here',
    cloud: true,
  });
});

test('a secret that it repeats is not in the error', async () => {
  await using at = sh(
    'cat > /dev/null; echo "bad key $ITS_KEY" >&2; exit 1',
    { env: ['ITS_KEY'] },
    {
      ITS_KEY: 'sk-very-secret',
    },
  );
  const { message } = await at.failure();
  expect(message).toContain('bad key [secret]');
  expect(at.logged()).not.toContain('sk-very-secret');
});

test('a flood is cut off and refused', async () => {
  await using at = makeTestLlm(
    {
      maxAnswerBytes: 1_024,
      providers: {
        prog: { type: 'command', command: ['/bin/sh', '-c', 'cat > /dev/null; yes | head -c 5000000'] },
      },
    },
    { secrets: ENVIRONMENT },
  );
  expect(await at.failure()).toMatchObject({ class: 'too_long' });
});

test('at its time limit it is killed, with all it started', async () => {
  const script = `cat > /dev/null; sleep 1000 & echo $! > ${folder}/pid; wait`;
  await using at = sh(script, { timeoutMs: 2_000 });
  expect(await at.failure()).toMatchObject({ class: 'timeout' });
  const pid = Number(await readFile(join(folder, 'pid'), 'utf8'));
  await eventually(async () => !lives(pid));
});

test('a call that is given up kills it', async () => {
  await using at = sh(`cat > /dev/null; sleep 1000 & echo $! > ${folder}/pid; wait`);
  const stop = new AbortController();
  const failing = at.failure({}, stop.signal);
  const pid = await eventually(async () =>
    Number(await readFile(join(folder, 'pid'), 'utf8').catch(() => '')),
  );
  stop.abort();
  expect(await failing).toMatchObject({ class: 'aborted' });
  await eventually(async () => !lives(pid));
});

test('a long prompt arrives whole, and one that nobody reads breaks nothing', async () => {
  const prompt = 'ä'.repeat(400_000);
  await using at = sh('wc -c');
  expect(Number((await at.ask({ prompt })).text)).toBe(Buffer.byteLength(`Be brief.\n\n${prompt}`));
  await using deaf = sh('echo I do not listen');
  expect((await deaf.ask({ prompt })).text).toContain('I do not listen');
});

test('a file with its settings is all that it takes to be the default', async () => {
  await writeFile(join(folder, 'answer'), '#!/bin/sh\ncat > /dev/null; echo Done.\n', { mode: 0o755 });
  const prog = { type: 'command' as const, command: [join(folder, 'answer')] };
  await using at = makeTestLlm({ providers: { prog } }, { secrets: ENVIRONMENT });
  expect((await at.ask()).text.trim()).toBe('Done.');
  expect(at.llm.status()).toMatchObject({ provider: 'prog', model: 'default', llm: true });
});

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
