import { expect, test } from 'vitest';
import { toEdn } from '../../chaos/clients/edn.ts';
import { makeHistory } from '../../chaos/clients/history.ts';

test('one map a line, and a process whose outcome nobody knows is never heard of again', () => {
  const history = makeHistory();
  history.invoke('a', 'set-policy', { minutes: 1 })('info', {}, 'no_answer');
  const done = history.invoke('b', 'propose', { key: 'say "hi"\\\n' });
  history.invoke('a', 'set-policy', { minutes: 2 })('fail', {}, 'conflict');
  done('ok', { proposal: 'x', missing: null, kept: true });
  const lines = toEdn(history.entries).trimEnd().split('\n');

  const without = lines.map((line) => line.replace(/:time \d+, /, '').replace(/, :wall \d+/, ''));
  expect(without).toEqual([
    '{:index 0, :process 0, :type :invoke, :f :set-policy, :value {:minutes 1}, :client "a"}',
    '{:index 1, :process 0, :type :info, :f :set-policy, :value {:minutes 1}, :client "a", :error "no_answer"}',
    '{:index 2, :process 1, :type :invoke, :f :propose, :value {:key "say \\"hi\\"\\\\\\n"}, :client "b"}',
    '{:index 3, :process 2, :type :invoke, :f :set-policy, :value {:minutes 2}, :client "a"}',
    '{:index 4, :process 2, :type :fail, :f :set-policy, :value {:minutes 2}, :client "a", :error "conflict"}',
    '{:index 5, :process 1, :type :ok, :f :propose, :value {:key "say \\"hi\\"\\\\\\n", :proposal "x", :missing nil, :kept true}, :client "b"}',
  ]);
  const times = history.entries.map(({ mono }) => mono);
  expect(times).toEqual([...times].sort((a, b) => a - b));
});

test('of what one client does at once each has a process of its own, and one completion', () => {
  const history = makeHistory();
  const [first, second] = [history.invoke('a', 'propose', {}), history.invoke('a', 'propose', {})];
  first('info');
  const third = history.invoke('a', 'propose', {});
  second('ok');
  const fourth = history.invoke('a', 'propose', {});
  third('fail');
  fourth('ok');

  const open = new Set<string>();
  const ended = new Set<string>();
  for (const line of toEdn(history.entries).trimEnd().split('\n')) {
    const [, own = '', type] = line.match(/:process (\d+), :type :(\w+)/) ?? [];
    expect([line, ended.has(own), open.has(own)]).toEqual([line, false, type !== 'invoke']);
    if (type === 'invoke') open.add(own);
    else open.delete(own);
    if (type === 'info') ended.add(own);
  }
  expect(open).toEqual(new Set());
  expect(processes(history.entries)).toEqual([0, 1, 0, 2, 1, 1, 2, 1]);
});

const processes = (entries: Parameters<typeof toEdn>[0]) =>
  [...toEdn(entries).matchAll(/:process (\d+)/g)].map(([, own]) => Number(own));
