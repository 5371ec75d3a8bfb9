import type { Progress, Verdict } from '../../events/proof/verify.ts';
import { makeWake } from '../../lib/wake.ts';
import { namedText } from './sse.ts';

const LOOK_AGAIN_MS = 60_000;

/**
 * The texts of a verification, which begins at once, whether or not they are read. A reader that is slow misses
 * progress, never the verdict.
 */
export function verdictTexts(
  verify: (onProgress: (progress: Progress) => void) => Promise<Verdict>,
): AsyncGenerator<string[]> {
  const wake = makeWake();
  const state: { progress: Progress | null; isOver: boolean } = { progress: null, isOver: false };
  const verifying = verify((progress) => {
    state.progress = progress;
    wake.call();
  });
  const end = () => {
    state.isOver = true;
    wake.call();
  };
  verifying.then(end, end);

  return (async function* () {
    while (!state.isOver) {
      await wake.wait(LOOK_AGAIN_MS);
      if (state.progress === null) continue;
      const text = namedText('progress', state.progress);
      state.progress = null;
      yield [text];
    }
    yield [namedText('verdict', await verifying)];
  })();
}
