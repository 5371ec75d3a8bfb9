import { printProgress } from './print.ts';

/** One line that is written over, for people who wait. On no terminal it shows nothing. */
export type ProgressLine = {
  /** @param what what is counted, such as "events" */
  show(progress: { what: string; done: number; total: number }): void;
  clear(): void;
};

const EVERY_MS = 200;

export function makeProgressLine(): ProgressLine {
  let last = 0;
  let doing = { what: '', began: 0 };
  if (!process.stderr.isTTY) return { show: () => undefined, clear: () => undefined };
  return {
    show({ what, done, total }) {
      const now = performance.now();
      if (what !== doing.what) doing = { what, began: now };
      if (now - last < EVERY_MS) return;
      last = now;
      const rate = done / Math.max(0.001, (now - doing.began) / 1000);
      const left = rate > 0 ? `, ${Math.ceil((total - done) / rate)} s left` : '';
      const percent = total > 0 ? Math.floor((100 * done) / total) : 100;
      printProgress(
        `${percent} %  ${done} of ${total} ${what}, ${Math.round(rate).toLocaleString('en')} a second${left}`,
      );
    },
    clear: () => printProgress(''),
  };
}
