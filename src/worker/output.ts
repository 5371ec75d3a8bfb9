import { toError } from '../errors.ts';
import { cleanJson } from '../lib/clean-text.ts';
import { StepError } from './handler.ts';

/** JSON around 256 KiB of text: quotes and line ends take two bytes each. */
const MOST_OUTPUT_BYTES = 2 * 262_144;

/** Outputs are written by strangers: what PostgreSQL cannot store is made harmless here, whatever the handler. */
export function storable(output: unknown): unknown {
  if (output === undefined) return undefined;
  const json = JSON.stringify(output) ?? 'null';
  if (Buffer.byteLength(json) > MOST_OUTPUT_BYTES) {
    throw new StepError('output_too_large', `The output has more than ${MOST_OUTPUT_BYTES} bytes.`, {
      final: true,
    });
  }
  return cleanJson(JSON.parse(json));
}

/** What goes with a failure is kept where it can be; the failure counts in any case. */
export function keepable(output: unknown): unknown {
  try {
    return storable(output);
  } catch (error) {
    return { not_kept: toError(error).message };
  }
}
