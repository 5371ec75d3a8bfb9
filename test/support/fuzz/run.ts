import * as fc from 'fast-check';
import { VIEWS } from '../../../src/http/access.ts';
import type { HttpServer } from '../../../src/http/serve.ts';
import { OPERATOR_KEY, type TestApp } from '../app.ts';
import { makeCallers } from './callers.ts';
import { type Draft, draftsOf, validDraftOf } from './drafts.ts';
import { MOST_MS, problemsOf, type Secrets } from './judge.ts';
import { type ApiDocument, type Operation, operationsOf } from './operations.ts';
import { type Answer, send, toBytes, toCurl } from './send.ts';
import { makeWorld } from './world.ts';

export type Offence = { what: string; count: number; curl: string; answer: string };
export type Report = {
  operations: Operation[];
  requests: number;
  seed: number;
  /** By operation, how often each status was answered. */
  statuses: Map<string, Map<number, number>>;
  /** Routes and callers of whom no request was sent that is valid but for who sends it. */
  untried: string[];
  /** One for each kind, with the shortest request that showed it. */
  offences: Offence[];
  slowest: { ms: number; operation: string };
};

const BATCH = 250;
const AT_ONCE = 4;
/** Of the requests so many are for every route by every sort of key, until each was sent. */
const PAIRS_SHARE = 2 / 3;

/** Sends requests made from what the server says of itself, and judges every answer. The seed makes the same ones again. */
export async function fuzz(
  t: TestApp,
  server: HttpServer,
  options: { requests: number; seed: number; workspace: string; secrets: Secrets },
): Promise<Report> {
  const { requests, seed, workspace } = options;
  const document = await readDocument(server);
  const operations = [...operationsOf(document), ...undocumented()];
  const callers = await makeCallers(t);
  const resolve = (ref: string) => document.components.schemas[ref.split('/').at(-1) ?? ''] ?? {};
  const world = makeWorld(t, workspace);
  const drafts = draftsOf({ operations, callers, resolve });
  // Of every route by every sort of key one that is valid, and the rest by chance.
  const everyPair = operations.flatMap((operation) =>
    callers.flatMap((caller) => fc.sample(validDraftOf(operation, caller, resolve), { seed, numRuns: 1 })),
  );
  const untried = new Set(everyPair.map(nameOfPair));
  // A small run has no room for them beside the rest.
  if (everyPair.length > requests * PAIRS_SHARE) everyPair.length = 0;
  const statuses = new Map(operations.map(({ name }) => [name, new Map<number, number>()]));
  const offences = new Map<string, Offence>();
  const slowest = { ms: 0, operation: '' };

  const judge = (draft: Draft, answer: Answer, curl: string) => {
    const counts = statuses.get(draft.operation.name);
    if (draft.method === draft.operation.method)
      counts?.set(answer.status, (counts.get(answer.status) ?? 0) + 1);
    if (answer.ms > slowest.ms) Object.assign(slowest, { ms: answer.ms, operation: draft.operation.name });
    // Another method may be that of another operation of the path.
    const method = draft.method === 'HEAD' ? 'GET' : draft.method;
    const { operation } = draft;
    const met = operations.find((one) => one.path === operation.path && one.method === method) ?? operation;
    for (const problem of problemsOf({ ...draft, operation: met }, answer, options.secrets)) {
      const what = `${draft.method === draft.operation.method ? '' : `(${draft.method}) `}${draft.operation.name} ${answer.status}: ${problem}`;
      const known = offences.get(what);
      const shown = { what, curl, answer: answer.body.slice(0, 500) };
      if (!known || curl.length < known.curl.length) offences.set(what, { ...shown, count: 0 });
      Object.assign(offences.get(what) ?? {}, { count: (known?.count ?? 0) + 1 });
    }
  };

  for (let sent = 0; sent < requests; sent += BATCH) {
    await world.tend();
    const most = Math.min(BATCH, requests - sent);
    const queue = [
      ...everyPair.splice(0, Math.ceil(most * PAIRS_SHARE)),
      ...fc.sample(drafts, { seed: seed + sent, numRuns: most }),
    ].slice(0, most);
    const work = async () => {
      for (let draft = queue.pop(); draft; draft = queue.pop()) {
        // Filled once, before the world moves on.
        const bytes = toBytes(draft, server.port, world.fill);
        const curl = toCurl(draft, server.port, world.fill);
        const answer = await send(server.port, bytes);
        if (draft.intent === 'valid') untried.delete(nameOfPair(draft));
        // Something else may have had the machine for a moment; what reads slowly does so again. What was written is
        // refused the second time, and quickly.
        if (answer.ms > MOST_MS && draft.method === 'GET')
          answer.ms = Math.min(answer.ms, (await send(server.port, bytes)).ms);
        judge(draft, answer, curl);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }
  return {
    operations,
    requests,
    seed,
    statuses,
    untried: [...untried],
    offences: [...offences.values()],
    slowest,
  };
}

const nameOfPair = ({ operation, caller }: Draft) => `${operation.name} by ${caller.name}`;

async function readDocument({ url }: HttpServer): Promise<ApiDocument> {
  const headers = { authorization: `Bearer ${OPERATOR_KEY}` };
  const response = await fetch(`${url}/openapi.json`, { headers });
  return (await response.json()) as ApiDocument;
}

/** The pages of the dashboard, which are one document that is described once. */
export function undocumented(): Operation[] {
  return VIEWS.flatMap((view) => [`/${view}`, `/${view}/{id}`]).map(
    (path): Operation => ({
      name: `GET ${path}`,
      method: 'GET',
      path,
      lock: { by: 'nothing', scope: null, agents: true },
      parameters: path.includes('{')
        ? [{ name: 'id', in: 'path', schema: { pattern: '^[\\w-]{1,100}$', type: 'string' } }]
        : [],
      body: null,
      statuses: [200, 400, 403],
      problemOf: (status, type) =>
        status === 200 && !type.startsWith('text/html') ? `the type ${type}` : null,
    }),
  );
}
