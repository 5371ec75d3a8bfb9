import type { Command } from 'commander';
import { type Client, makeClient } from '../client.ts';
import { readConfig } from '../config.ts';
import { printJson } from './print.ts';
import { notedPort } from './server-note.ts';
import { readOperatorKey } from './operator-key.ts';

/** What a command that talks to a server needs. */
export type Connection = {
  client: Client;
  url: string;
  home: string;
  json: boolean;
  /** Prints the answer as JSON for programs, or lets `forPeople` print it. */
  show<Answer>(answer: Answer, forPeople: (answer: Answer) => void): void;
};

/**
 * The server of OPSLOOP_URL, else the one of the home. The key file of the home is for the server that holds the
 * home and for nobody else: any program can listen on a port of this machine. Others get OPSLOOP_API_KEY.
 */
export async function connect(program: Command, options: { signal?: AbortSignal } = {}): Promise<Connection> {
  const config = readConfig();
  const port = await notedPort(config.home);
  const url = config.url ?? `http://127.0.0.1:${port ?? config.port}`;
  const isOurs = port !== null && isLoopback(url) && new URL(url).port === String(port);
  const apiKey = isOurs ? await readOperatorKey(config) : config.apiKey;
  const json = program.opts<{ json?: boolean }>().json ?? false;
  return {
    client: makeClient({ url, ...(apiKey === undefined ? {} : { apiKey }), ...options }),
    url,
    home: config.home,
    json,
    show(answer, forPeople) {
      if (json) printJson(answer);
      else forPeople(answer);
    },
  };
}

function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
