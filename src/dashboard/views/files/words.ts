import type { TaskFile } from '../../data/types.ts';

const LOOKS = {
  planned: { state: 'queued', label: 'planned' },
  taken: { state: 'running', label: 'at work' },
  settled: { state: 'running', label: 'output is written' },
  finished: { state: 'completed', label: 'ended' },
};
const RESULTS = {
  done: { state: 'completed', label: 'done' },
  failed: { state: 'failed', label: 'failed' },
  replaced: { state: 'cancelled', label: 'replaced' },
};

/** How the state of a task file looks, and what it is called. */
export function lookOfFile({ status, result, proposal_status }: TaskFile) {
  if (status === 'taken' && proposal_status === 'pending')
    return { state: 'pending', label: 'waits for a decision' };
  return result === null ? LOOKS[status] : RESULTS[result];
}

/** `12.3 kB` */
export function saySize(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  const unit = bytes < 1_000_000 ? 'kilobyte' : 'megabyte';
  const amount = bytes / (unit === 'kilobyte' ? 1_000 : 1_000_000);
  return amount.toLocaleString(undefined, { style: 'unit', unit, maximumFractionDigits: 1 });
}
