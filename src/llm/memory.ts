import type { Log } from '../log.ts';
import { LlmError } from './llm-error.ts';
import type { Installation } from './types.ts';

/**
 * Whether this installation ever had a language model. Once it did, the extractive analyst never again
 * takes the place of one that is only away for a while.
 */
export type Memory = {
  /** What is known without asking; null until somebody asked. */
  known(): boolean | null;
  seen(): Promise<boolean>;
  remember(): Promise<void>;
};

export function makeMemory(installation: Installation, log: Log): Memory {
  let known: boolean | null = null;
  let stored = false;
  return {
    known: () => known,
    async seen() {
      if (known === true) return true;
      try {
        const seen = await installation.modelSeen();
        stored ||= seen;
        // It may have been seen here while we asked, so false does not overwrite.
        if (seen) known = true;
        else known ??= false;
        return known;
      } catch (error) {
        log.warn({ err: error }, 'cannot tell whether there ever was a language model');
        throw new LlmError(
          'unavailable',
          'It is not known whether this installation ever had a language model',
        );
      }
    },
    async remember() {
      known = true;
      if (stored) return;
      await installation.rememberModel();
      stored = true;
    },
  };
}
