import { Agent, request } from 'node:http';

export const API_KEY = 'a-key-for-the-benchmark-0123456789';

/** A client that costs little: keep-alive connections of node:http and nothing around them. */
export function openClient(url, { connections = 1 } = {}) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const { hostname, port } = new URL(url);

  const open = (method, path, text, onResponse, onError) => {
    const headers = { authorization: `Bearer ${API_KEY}` };
    if (text !== undefined) {
      headers['content-type'] = 'application/json';
      headers['content-length'] = Buffer.byteLength(text);
    }
    const asking = request({ hostname, port, method, path, agent, headers }, onResponse);
    asking.on('error', onError);
    asking.end(text);
    return asking;
  };

  /** The body as text. Anything but a success is an error. */
  const ask = (method, path, body) =>
    new Promise((resolve, reject) => {
      const read = (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (piece) => (text += piece));
        response.on('end', () =>
          response.statusCode < 300 ? resolve(text) : reject(new Error(`${response.statusCode} ${text}`)),
        );
        response.on('error', reject);
      };
      open(method, path, body === undefined ? undefined : JSON.stringify(body), read, reject);
    });

  return {
    ask,
    propose: (title) => ask('POST', '/api/ops/proposals', { agent_id: 'pm', kind: 'noop', title }),
    /** Calls `onData` with each event of the log from now on; resolves when the stream is open. */
    follow: (onData) =>
      new Promise((resolve, reject) => {
        const asking = open(
          'GET',
          '/api/ops/events/stream',
          undefined,
          (response) => {
            response.setEncoding('utf8');
            let rest = '';
            response.on('data', (piece) => {
              const lines = (rest + piece).split('\n');
              rest = lines.pop();
              for (const line of lines) if (line.startsWith('data: ')) onData(line);
            });
            response.on('error', () => undefined);
            resolve({ close: () => asking.destroy() });
          },
          reject,
        );
      }),
    close: () => agent.destroy(),
  };
}
