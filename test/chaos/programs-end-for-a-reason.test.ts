import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { makeActor } from '../../chaos/stage/actor.ts';
import { findWrongExits } from '../../chaos/verdict/exits.ts';

type Boots = Parameters<typeof findWrongExits>[0]['boots'];
const look = (boot: Pick<Boots[number], 'told' | 'end'>, log = '') =>
  findWrongExits({ name: 'server-1', boots: [{ pid: 7, at: 0, ...boot }], log }).map(({ what }) => what);

test('a kill by a fault and an orderly end are no violations', () => {
  expect(look({ told: ['SIGSTOP', 'SIGCONT', 'SIGKILL'], end: { code: null, signal: 'SIGKILL' } })).toEqual(
    [],
  );
  expect(look({ told: ['SIGTERM'], end: { code: 0, signal: null } })).toEqual([]);
});

test.each<[string, Pick<Boots[number], 'told' | 'end'>]>([
  ['exit code 1, and no fault', { told: [], end: { code: 1, signal: null } }],
  ['exit code 0, and no fault', { told: ['SIGSTOP', 'SIGCONT'], end: { code: 0, signal: null } }],
  ['SIGKILL, and no fault', { told: [], end: { code: null, signal: 'SIGKILL' } }],
  ['SIGSEGV, and no fault', { told: ['SIGKILL'], end: { code: null, signal: 'SIGSEGV' } }],
  ['exit code 1, when it was told', { told: ['SIGTERM'], end: { code: 1, signal: null } }],
  ['SIGTERM, when it was told', { told: ['SIGTERM'], end: { code: null, signal: 'SIGTERM' } }],
  ['has not ended', { told: [], end: null }],
])('any other end is one: %s', (what, boot) => {
  expect(look(boot)).toEqual([expect.stringContaining(what)]);
});

test.each([
  'TypeError: x is not a function\n    at f (main.js:1:1)\n\nNode.js v20.19.0\n',
  '<--- GCs --->\nFATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n',
  'Exception in thread Thread-2:\nTraceback (most recent call last):\n  File "x.py"\n',
])('an error that nobody caught is one, though the program went on or was killed later', (log) => {
  const killed = { told: ['SIGKILL' as const], end: { code: null, signal: 'SIGKILL' as const } };
  expect(look(killed, `10:00 opsloop is ready\n${log}10:01 opsloop is ready\n`)).toEqual([
    expect.stringContaining('did not catch an error'),
  ]);
  expect(look(killed, '10:00 the model answered "Node.js v20 is fine"\n')).toEqual([]);
});

test('a real program that dies is told from one that was killed, also when it is signalled afterwards', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'opsloop-actor-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const script = (code: string) => ({
    name: 'x',
    command: process.execPath,
    args: ['-e', code],
    env: {},
    logFile: join(folder, 'x.log'),
  });
  const dies = makeActor(script("throw new Error('oh')"));
  dies.start();
  await dies.ended();
  dies.signal('SIGTERM');
  dies.signal('SIGKILL');
  expect(findWrongExits({ name: 'x', boots: dies.boots, log: dies.saidSince(0) })).toEqual([
    { rule: 'exits', what: expect.stringContaining('ended by exit code 1, and no fault was the cause') },
    { rule: 'exits', what: expect.stringContaining('Node.js v') },
  ]);
  const lives = makeActor({ ...script('setInterval(() => {}, 1_000)'), logFile: join(folder, 'y.log') });
  lives.start();
  lives.signal('SIGKILL');
  await lives.ended();
  expect(findWrongExits({ name: 'y', boots: lives.boots, log: lives.saidSince(0) })).toEqual([]);
});
