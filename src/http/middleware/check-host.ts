import type { MiddlewareHandler } from 'hono';
import { AppError } from '../../errors.ts';
import type { HttpEnv } from '../env.ts';
import type { Hosts } from '../hosts.ts';
import { readWire, type WireHeader } from '../wire.ts';

/** Sent twice, each of these means one thing to one reader and another to the next. */
const SINGLE: readonly WireHeader[] = [
  'origin',
  'sec-fetch-site',
  'content-type',
  'content-length',
  'idempotency-key',
  'last-event-id',
];

/** Refuses requests that are not addressed to us, or to more than one. */
export function checkHost(hosts: Hosts, configuredPort: number): MiddlewareHandler<HttpEnv> {
  return async function checkHost(c, next) {
    const wire = readWire(c);
    c.set('wire', wire);
    const port = wire.port ?? configuredPort;
    const [host = ''] = wire.values('host');
    const given = wire.values('host').join(', ').slice(0, 200);
    if (wire.values('host').length !== 1 || !hosts.isAllowedHost(host, port)) {
      throw new AppError(
        'host_not_allowed',
        `The Host header "${given}" is not one of ${hosts.describe(port)}. Add a name with OPSLOOP_ALLOWED_HOSTS.`,
        { details: { host: given } },
      );
    }
    if (!wire.target.startsWith('/') && wire.target !== '*') {
      throw new AppError('host_not_allowed', 'The request names an absolute target; this is no proxy.');
    }
    // Node takes these for requests; where one of them ends is a matter of opinion.
    const isOld = wire.version === '1.0';
    if ((!isOld && wire.version !== '1.1') || (isOld && wire.values('transfer-encoding').length > 0))
      throw new AppError('invalid_request', `This server speaks HTTP/1.1; the request is of another kind.`);
    const doubled = SINGLE.find((name) => wire.values(name).length > 1);
    if (doubled) throw new AppError('invalid_request', `The header ${doubled} is there more than once.`);
    await next();
  };
}
