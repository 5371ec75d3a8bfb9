import { SECURITY_HEADERS } from '../../../src/http/security-headers.ts';
import type { Draft } from './drafts.ts';
import type { Answer } from './send.ts';

/** Every answer is there by then. */
export const MOST_MS = 2_000;
/** What a request that does not keep to HTTP, or leads elsewhere, is answered with besides what its route declares. */
const WIRE_REFUSALS = [0, 400, 408, 413, 417, 431];
const STRAY_REFUSALS = [204, 400, 401, 403, 404, 405, 413, 415, 431];
const CHANGING = ['cache-control'];

/** Nobody outside may see these, whatever was asked. What a client sent and gets back is not counted. */
const LEAKS: [string, RegExp][] = [
  ['a stack trace', /\n\s+at \S+ \(|\bat async /],
  ['a file of the program', /node_modules|\/src\/\w+\/|\.ts:\d+/],
  ['SQL', /\b(?:insert into|update|delete from|select .{1,200} from) ops_/i],
  ['a message of PostgreSQL', /invalid input syntax|violates \w+ constraint|relation ".*" does not exist/],
];

export type Secrets = { name: string; text: string }[];

/** What is wrong with an answer, each as a sentence; none: it is as it should be. */
export function problemsOf(draft: Draft, answer: Answer, secrets: Secrets): string[] {
  const { operation, caller } = draft;
  const { status, headers, body } = answer;
  const type = headers['content-type'] ?? '';
  const found: string[] = [];
  if (answer.ms > MOST_MS) found.push(`it took more than ${MOST_MS} ms`);
  if (status === 0) return isBroken(draft) ? found : [...found, 'the connection ended without an answer'];
  if (status >= 500) found.push(`it is a server error`);

  const isOurs = draft.method === operation.method || (draft.method === 'HEAD' && operation.method === 'GET');
  const isDeclared = isOurs && operation.statuses.includes(status);
  const allowed = [...(isBroken(draft) ? WIRE_REFUSALS : []), ...(draft.strays ? STRAY_REFUSALS : [])];
  if (!isDeclared && !allowed.includes(status)) found.push('the document does not declare this status');
  if (isDeclared && draft.method !== 'HEAD' && !leadsElsewhere(draft)) {
    const problem = operation.problemOf(status, type, body);
    if (problem !== null) found.push(`the document does not allow it: ${problem}`);
  }
  const isOfMcp = operation.path === '/mcp' && type === 'application/json';
  if (status >= 400 && draft.method !== 'HEAD' && !isOfMcp)
    found.push(...problemProblems(status, type, body));

  const isOpen = caller.may(operation.lock, operation.name) || operation.lock.by === 'nothing';
  if (status < 300 && status !== 204 && isOurs && !isOpen) found.push(`${caller.name} may not do this`);
  if (!caller.isValid && operation.lock.by !== 'nothing' && !draft.strays && status !== 401)
    found.push(`${caller.name} is not a valid key`);

  for (const [name, value] of Object.entries(SECURITY_HEADERS))
    if (headers[name.toLowerCase()] !== value && !CHANGING.includes(name.toLowerCase()))
      found.push(`the header ${name} is missing`);
  for (const [name, form] of LEAKS)
    if (form.test(body) && !form.test(`${draft.target} ${draft.body}`)) found.push(`it shows ${name}`);
  for (const { name, text } of secrets) if (body.includes(text)) found.push(`it shows ${name}`);
  return found;
}

function isBroken({ framing, body, intent, headers }: Draft): boolean {
  if (headers.some(([name]) => ['upgrade', 'content-encoding'].includes(name))) return true;
  return intent === 'hostile' && body !== null && !['length', 'chunked'].includes(framing);
}

/** What is a path to another route by the rules of addresses. */
function leadsElsewhere({ strays, target }: Draft): boolean {
  return strays && /\/(?:\.|%2e){1,2}(?:$|[/?#])/i.test(target);
}

function problemProblems(status: number, type: string, body: string): string[] {
  if (type !== 'application/problem+json') return [`an error of the type ${type || '(none)'}`];
  const problem = JSON.parse(body) as { code?: unknown; status?: unknown; detail?: unknown; error?: unknown };
  const isWhole =
    typeof problem.code === 'string' && problem.status === status && problem.detail === problem.error;
  return isWhole ? [] : ['the problem has no code, another status or no sentence'];
}
