import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);

test("the older system's day runs on the loop", async () => {
  const script = resolve(import.meta.dirname, '../../examples/a-day-with-files/run.sh');
  const { stdout } = await run('bash', [script], { timeout: 100_000 });
  expect(stdout).toContain('Commands are off. An operator turns them on');
  expect(stdout).toMatch(/CMD: echo hello; pwd\nEXIT_CODE: 0\nOUTPUT:\nhello\n/);
  expect(stdout).toMatch(/CMD: date\nEXIT_CODE: 0/);
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('== done');
}, 120_000);

test('a program of the user works the steps, and its cost is kept', async () => {
  const script = resolve(import.meta.dirname, '../../examples/a-program-answers/run.sh');
  const { stdout } = await run('bash', [script], { timeout: 60_000 });
  expect(stdout).toContain('as the model small');
  const [, input, cost] = /command program:small: (\d+) in, 9 out, \$([\d.]+)/.exec(stdout) ?? [];
  expect(Number(cost)).toBeCloseTo((Number(input) * 3 + 9 * 15) / 1e6, 6);
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('== done');
}, 70_000);

test('somebody is called when a decision is needed, although the receiver fails twice', async () => {
  const script = resolve(import.meta.dirname, '../../examples/a-call-when-needed/run.sh');
  const { stdout } = await run('bash', [script], { timeout: 100_000 });
  expect(stdout).toMatch(/failing this one\nfailing this one\ngenuine: proposal\.pending: .*Ship it/);
  expect(stdout).toMatch(/proposal\.pending +delivered +3/);
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('== done');
}, 120_000);

test('an MCP client proposes and waits', async () => {
  const script = resolve(import.meta.dirname, '../../examples/mcp-client/run.sh');
  const { stdout } = await run('bash', [script], { timeout: 60_000 });
  expect(stdout).toMatch(/approved: auto_approve names the kind "analysis"\ncompleted, succeeded\n# Why did/);
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('== done');
}, 90_000);

test('schedules go over nights in which clocks are set', async () => {
  const script = resolve(import.meta.dirname, '../../examples/schedules-over-a-clock-change/run.mjs');
  const { stdout } = await run(process.execPath, [script], { timeout: 100_000 });
  expect(stdout.trim().split('\n')).toEqual([
    'clocks forward, nightly (30 2 * * *): 03:00',
    'clocks forward, every-half-hour (*/30 1-3 * * *): 01:00 01:30 03:00 03:30',
    'clocks back, nightly (30 2 * * *): 02:30',
    'clocks back, every-half-hour (*/30 1-3 * * *): 01:00 01:30 02:00 02:30 02:00 02:30 03:00 03:30',
  ]);
}, 120_000);

test('workers in Python and in shell finish the steps of one that is killed', async () => {
  const script = resolve(import.meta.dirname, '../../examples/workers-in-two-languages/run.sh');
  const { stdout } = await run('bash', [script], { timeout: 110_000 });
  expect(stdout).toContain('opsloop itself has no such kind');
  expect(stdout).toContain('shout by attempt 2: HELLO\ncount by attempt 1: 5');
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('== done');
}, 120_000);

test('an installation is a file: applied, changed, compared and exported', async () => {
  const script = resolve(import.meta.dirname, '../../examples/a-fleet-as-a-file/run.sh');
  const { stdout, stderr } = await run('bash', [script], { timeout: 60_000 });
  const parts = stdout.split(/^== /m);
  expect(parts[1]).toMatch(/\+ schedules morning-look\n[\s\S]*exit code 1/);
  expect(parts[2]).toMatch(/key scout on the VPS: ops_\w+[\s\S]*5 changed, in one transaction/);
  expect(parts[3]).toContain('Nothing to change.');
  expect(parts[4]).toMatch(/~ policy daily_caps\n {4}per_agent: 20 -> 30/);
  expect(parts[5]).toContain('exit code 2');
  expect(stderr).toMatch(/wrong\.yaml:7:\d+: policy\.daily_caps\.per_agent/);
  expect(parts[6]).toContain('Nothing to change.');
  expect(parts.at(-1)?.trim()).toBe('done');
}, 70_000);
