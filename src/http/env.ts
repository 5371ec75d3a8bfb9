import type { HttpBindings } from '@hono/node-server';
import { OpenAPIHono } from '@hono/zod-openapi';
import type { Caller } from '../keys/schema.ts';
import { refuseInvalid } from './refuse-invalid.ts';
import type { LinkHolder } from '../webhooks/links.ts';
import type { Wire } from './wire.ts';

export type HttpEnv = {
  /** Absent when a request does not come from a socket, as in tests. */
  Bindings: Partial<HttpBindings> & {
    /** Asked from within, for a request that the limits have counted already. No client can say so. */
    isCounted?: boolean;
  };
  Variables: {
    wire: Wire;
    caller: Caller;
    /** There on the one route that takes links. */
    link: LinkHolder;
  };
};

export function makeRouter(): OpenAPIHono<HttpEnv> {
  return new OpenAPIHono<HttpEnv>({ defaultHook: refuseInvalid });
}
