import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../../app.ts';
import { AppError, toError } from '../../errors.ts';
import { verifyLog } from '../../events/proof/verify.ts';
import { needs } from '../access.ts';
import { makeRouter } from '../env.ts';
import { readKey } from '../middleware/authenticate.ts';
import type { HttpParts } from '../parts.ts';
import { toShownError } from '../problem.ts';
import { strict } from '../refuse-invalid.ts';
import { optionalBody } from '../schemas/common.ts';
import { openEventStream } from '../stream/event-stream.ts';
import { errorText, setStreamHeaders } from '../stream/sse.ts';
import { verdictTexts } from '../stream/verdict.ts';

const verify = createRoute({
  method: 'post',
  path: '/api/ops/events/verify',
  summary: 'Hold every event against its seal, the chain and the heads that the home has signed',
  description:
    'Server-sent events: `progress` with {seq, total}, then one `verdict`, or an `error`. Whoever leaves ends the work; a server does it for one at a time.',
  ...needs('admin'),
  request: { body: optionalBody(strict({})) },
  responses: {
    200: {
      description: 'How far it is, and the verdict',
      content: { 'text/event-stream': { schema: z.string() } },
    },
  },
});

export function verifyRoute(app: App, { streams, times }: HttpParts) {
  let isVerifying = false;
  return makeRouter().openapi(verify, (c) => {
    const caller = c.get('caller');
    const key = readKey(c.get('wire').values('authorization'));
    if (isVerifying)
      throw new AppError('conflict', 'The log is being verified already; wait for its verdict.', {
        retryAfter: 10,
      });
    streams.requireRoom(caller);
    isVerifying = true;
    setStreamHeaders(c);

    const opened = openEventStream({
      follow: (signal) =>
        verdictTexts((onProgress) =>
          verifyLog(app.database, { home: app.config.home, signal, onProgress }).finally(() => {
            isVerifying = false;
          }),
        ),
      greeting: ': the log of opsloop is verified\n\n',
      ping: () => ': ping\n\n',
      times,
      isStillAllowed: async () => {
        const now = await app.authenticate(key);
        return now !== null && now.scopes.includes('admin') && now.agentId === null;
      },
      cut: () => void c.env.outgoing?.destroy(),
      onFailure(error) {
        const shown = toShownError(error);
        if (shown.code === 'internal') app.log.error({ err: toError(error) }, 'verifying the log failed');
        return errorText(shown.code, shown.message);
      },
      onOver: streams.remove,
    });
    streams.add(opened.stream, caller);
    return c.body(opened.body, 200);
  });
}
