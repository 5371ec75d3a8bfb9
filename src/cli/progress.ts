/** One line on a terminal that is written over, for people who wait; elsewhere nothing. */
export type ProgressLine = { show(line: () => string): void; clear(): void };

const EVERY_MS = 200;

export function makeProgressLine(): ProgressLine {
  if (!process.stderr.isTTY) return { show: () => undefined, clear: () => undefined };
  let last = 0;
  return {
    show(line) {
      const now = performance.now();
      if (now - last < EVERY_MS) return;
      last = now;
      process.stderr.write(`\r\u001b[K${line()}`);
    },
    clear: () => void process.stderr.write('\r\u001b[K'),
  };
}

/** What is counted, such as "events", and how far the count is. */
export type Count = { what: string; done: number; total: number };

/** Such a line for a count: how far it is, how fast it goes, and how long it still takes. */
export function makeCountLine(): { show(count: Count): void; clear(): void } {
  const line = makeProgressLine();
  let doing = { what: '', began: 0 };
  return {
    ...line,
    show({ what, done, total }) {
      if (what !== doing.what) doing = { what, began: performance.now() };
      line.show(() => {
        const rate = done / Math.max(0.001, (performance.now() - doing.began) / 1000);
        const left = rate > 0 ? `, ${Math.ceil((total - done) / rate)} s left` : '';
        const percent = total > 0 ? Math.floor((100 * done) / total) : 100;
        return `${percent} %  ${done} of ${total} ${what}, ${Math.round(rate).toLocaleString('en')} a second${left}`;
      });
    },
  };
}
