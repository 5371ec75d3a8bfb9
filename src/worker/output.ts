import { toError } from '../errors.ts';
import { cleanJson } from '../lib/clean-text.ts';
import { depthOf } from '../lib/storable.ts';
import { StepError } from './handler.ts';

/** JSON around 256 KiB of text: quotes and line ends take two bytes each. */
const MOST_OUTPUT_BYTES = 2 * 262_144;

/** What every reader of JSON can read back. */
const MOST_DEPTH = 64;

/** Outputs are written by strangers: what PostgreSQL cannot store is made harmless here, whatever the handler. */
export function storable(output: unknown): unknown {
  if (output === undefined) return undefined;
  const json = JSON.stringify(output) ?? 'null';
  if (Buffer.byteLength(json) > MOST_OUTPUT_BYTES) {
    throw new StepError('output_too_large', `The output has more than ${MOST_OUTPUT_BYTES} bytes.`, {
      final: true,
    });
  }
  const value: unknown = JSON.parse(json);
  if (depthOf(value, MOST_DEPTH) > MOST_DEPTH) {
    throw new StepError('output_too_deep', `The output is nested deeper than ${MOST_DEPTH} levels.`, {
      final: true,
    });
  }
  return cleanJson(value);
}

/** What goes with a failure is kept where it can be; the failure counts in any case. */
export function keepable(output: unknown): unknown {
  try {
    return storable(output);
  } catch (error) {
    return { not_kept: toError(error).message };
  }
}
