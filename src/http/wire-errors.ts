import { type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { AppError } from '../errors.ts';
import { PROBLEM_TYPE, toProblem } from './problem.ts';
import { SECURITY_HEADERS } from './security-headers.ts';

/** A problem as a whole response, for refusals that no route has seen. */
export function problemResponse(error: AppError, status = error.status): Response {
  return new Response(JSON.stringify({ ...toProblem(error), status }), {
    status,
    headers: { ...SECURITY_HEADERS, 'Content-Type': PROBLEM_TYPE, Connection: 'close' },
  });
}

type Refusal = { status: number; error: AppError };

/** What Node itself refuses gets an answer like every other refusal. */
export function answerClientErrors(server: Server): void {
  const answering = new WeakSet<Socket>();
  server.on('request', ({ socket }, response) => {
    answering.add(socket);
    response.once('close', () => answering.delete(socket));
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // With an answer under way, more text would become a part of it.
    if (error.code === 'ECONNRESET' || !socket.writable || answering.has(socket)) {
      socket.destroy();
      return;
    }
    socket.end(rawProblem(REFUSALS[error.code ?? ''] ?? MALFORMED), () => socket.destroySoon());
  });
  server.on('checkExpectation', (_request, response) => {
    const refused = new AppError('invalid_request', 'Only "Expect: 100-continue" is known.');
    const body = JSON.stringify({ ...toProblem(refused), status: 417 });
    response.writeHead(417, headersFor(body));
    response.end(body);
  });
}

const MALFORMED: Refusal = {
  status: 400,
  error: new AppError('invalid_request', 'This is not a valid HTTP/1.1 request.'),
};
const REFUSALS: Record<string, Refusal> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    error: new AppError('too_large', 'The headers are larger than 16 KiB.'),
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    error: new AppError('timed_out', 'The request did not arrive in time.'),
  },
};

function rawProblem({ status, error }: Refusal): string {
  const body = JSON.stringify({ ...toProblem(error), status });
  const lines = Object.entries(headersFor(body)).map(([name, value]) => `${name}: ${value}`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
}

function headersFor(body: string): Record<string, string> {
  return {
    ...SECURITY_HEADERS,
    'Content-Type': PROBLEM_TYPE,
    'Content-Length': String(Buffer.byteLength(body)),
    Connection: 'close',
  };
}
