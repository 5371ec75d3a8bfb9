import { z } from 'zod';

/** A kind of proposal or step, or an agent's id: short and plain, because it stands in logs, URLs and indexes. */
export const Name = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'a letter or digit first, then letters, digits, "_", "." or "-"');
