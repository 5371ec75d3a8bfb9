import { analyze } from './analyze.ts';
import { generate } from './generate.ts';
import type { Handlers } from './handler.ts';
import { publish } from './publish.ts';
import { review } from './review.ts';

/** The registry: what works which kind of step. Library users add their own kinds to it. */
export const BUILT_IN_HANDLERS: Handlers = { analyze, generate, review, publish };
