import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { App } from '../../app.ts';
import { makeClient } from '../../client.ts';
import { needsAnyKey } from '../access.ts';
import { type HttpEnv, makeRouter } from '../env.ts';
import { readKey } from '../middleware/authenticate.ts';
import { body } from '../schemas/common.ts';

const Message = z
  .record(z.string(), z.unknown(), 'must be one message of JSON-RPC; several at once are not taken')
  .openapi({ description: 'A message of JSON-RPC 2.0.' });

const mcp = createRoute({
  method: 'post',
  path: '/mcp',
  summary: 'Speak the Model Context Protocol (streamable HTTP)',
  description:
    'Tools for agents: propose, wait, look. Without sessions; each tool is requests to this API with the same key.',
  ...needsAnyKey(),
  request: { body: body(Message) },
  responses: {
    200: {
      description: 'The answer; as server-sent events where words of progress can come before it.',
      content: {
        'application/json': { schema: z.record(z.string(), z.unknown()) },
        'text/event-stream': { schema: z.string() },
      },
    },
    202: { description: 'A notification was taken' },
    400: {
      description: 'It is no message, in the words of the protocol; or no request at all, in ours',
      content: { 'application/json': { schema: Message } },
    },
  },
});

/**
 * @param ask gives a request to the API within this process, so that a tool can do what its key can by the API, no more
 * and no less. The type is written out because the client's own comes from all routes, this one included.
 */
export function mcpRoute(
  { config, log }: App,
  ask: (request: Request) => Response | Promise<Response>,
): OpenAPIHono<HttpEnv> {
  const url = `http://127.0.0.1:${config.port}`;
  const within: typeof fetch = async (input, init) =>
    untilAborted(await ask(new Request(input, init)), init?.signal);
  const makeHandler = async () => {
    const { makeMcpHandler } = await import('../../mcp/http.ts');
    return makeMcpHandler((apiKey) => ({
      client: async (signal) => makeClient({ url, apiKey, fetch: within, signal }),
      report: (err) => log.error({ part: 'mcp', err }, 'a tool failed'),
    }));
  };
  // Loaded for the first who speaks it: many installations never do.
  let handler: ReturnType<typeof makeHandler> | undefined;
  return makeRouter().openapi(mcp, async (c) => {
    const { keyId, scopes } = c.get('caller');
    const token = readKey(c.get('wire').values('authorization'));
    handler ??= makeHandler();
    const response = await (await handler).fetch(c.req.raw, {
      authInfo: { token, clientId: keyId, scopes: [...scopes] },
      parsedBody: c.req.valid('json'),
    });
    // Ours are stricter.
    for (const name of ['cache-control', 'connection']) response.headers.delete(name);
    return c.newResponse(response.body, response);
  });
}

/** As over a network, where a request that is given up ends its answer too. */
function untilAborted(response: Response, signal: AbortSignal | null | undefined): Response {
  if (!response.body || !signal) return response;
  return new Response(response.body.pipeThrough(new TransformStream(), { signal }), response);
}
