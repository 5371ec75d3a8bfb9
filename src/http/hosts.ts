import type { Config } from '../config.ts';

/** What a request may call us, and which web pages may call us. */
export type Hosts = {
  isAllowedHost(host: string, port: number): boolean;
  isAllowedOrigin(origin: string, port: number): boolean;
  describe(port: number): string;
};

const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]'];
const WILDCARDS = ['0.0.0.0', '::', '[::]', ''];
const HOST_FORM = /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/;

/**
 * A page of another site can make a browser send requests here under a name of its own (DNS rebinding), so the
 * name must be one of ours: loopback with our port, the address we listen on, and what the configuration adds.
 * A configured name without a port is accepted with any, because a proxy or a container may map it.
 */
export function makeHosts(
  config: Pick<Config, 'host' | 'allowedHosts' | 'allowedOrigins' | 'publicUrl'>,
): Hosts {
  const bound = config.host.includes(':') ? `[${config.host}]` : config.host;
  const own = WILDCARDS.includes(config.host) ? LOOPBACK : [...LOOPBACK, bound.toLowerCase()];
  const publicUrl = config.publicUrl ? new URL(config.publicUrl) : undefined;
  const configured = [...config.allowedHosts, ...(publicUrl ? [publicUrl.host] : [])].map((host) =>
    host.toLowerCase(),
  );
  const origins = new Set(config.allowedOrigins.map((origin) => origin.replace(/\/$/, '').toLowerCase()));
  if (publicUrl) origins.add(publicUrl.origin);

  const isAllowedHost = (host: string, port: number): boolean => {
    const [, name = '', givenPort] = HOST_FORM.exec(host.toLowerCase()) ?? [];
    if (name === '') return false;
    const effectivePort = givenPort === undefined ? 80 : Number(givenPort);
    return (
      (own.includes(name) && effectivePort === port) ||
      configured.includes(host.toLowerCase()) ||
      configured.includes(name)
    );
  };

  return {
    isAllowedHost,
    isAllowedOrigin(origin, port) {
      if (origins.has(origin.toLowerCase())) return true;
      const [, scheme, host = ''] = /^(https?):\/\/([^/]+)$/.exec(origin) ?? [];
      if (scheme === 'http') return isAllowedHost(host, port);
      // A proxy speaks TLS for the names that are configured; for loopback there is none.
      const name = host.toLowerCase();
      return (
        scheme === 'https' && (configured.includes(name) || configured.includes(name.replace(/:\d+$/, '')))
      );
    },
    describe: (port) => [...own.map((name) => `${name}:${port}`), ...configured].join(', '),
  };
}
