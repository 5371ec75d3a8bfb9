import { startPgBouncer, type PgBouncer } from '../../test/support/pgbouncer.ts';
import { freePort } from './proc.ts';

/** A PgBouncer in transaction mode that can be taken away, and comes back where it was. */
export type Pooler = {
  url: string;
  /** @returns how it ended */
  stop(signal: NodeJS.Signals): Promise<string>;
  start(): Promise<void>;
};

export async function makePooler(serverUrl: string): Promise<Pooler> {
  const settings = { listen_port: String(await freePort()) };
  let running: PgBouncer = await startPgBouncer(serverUrl, settings);
  return {
    url: running.url,
    stop: (signal) => running.stop(signal),
    async start() {
      running = await startPgBouncer(serverUrl, settings);
    },
  };
}
