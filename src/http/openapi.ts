import type { OpenAPIHono } from '@hono/zod-openapi';
import { ERRORS } from '../errors.ts';
import { VERSION } from '../version.ts';
import type { HttpEnv } from './env.ts';
import { PROBLEM_TYPE } from './problem.ts';

type Document = ReturnType<OpenAPIHono<HttpEnv>['getOpenAPI31Document']>;

const PROBLEM_SCHEMA = {
  type: 'object' as const,
  required: ['type', 'title', 'status', 'detail', 'code', 'error'],
  properties: {
    type: { type: 'string' as const },
    title: { type: 'string' as const },
    status: { type: 'integer' as const },
    detail: { type: 'string' as const, description: 'What was given, what is allowed, what to do next.' },
    code: { type: 'string' as const, enum: Object.keys(ERRORS), description: 'Stable; made for programs.' },
    error: { type: 'string' as const, description: 'The same sentence as `detail`.' },
  },
};

/** Refusals that any route with a key can give, and what they mean. */
const COMMON = {
  400: 'The request is not valid',
  401: 'A valid key is needed',
  403: 'The key, the host or the web page is refused',
  429: 'Too many requests, or a cap of the policy is reached',
  503: 'The database cannot be reached',
};
const OPEN = { 400: COMMON[400], 403: COMMON[403] };
const WITH_ID = { 404: 'There is no such thing' };
const WITH_BODY = {
  409: 'The state it is in does not allow that',
  413: 'The body is too large',
  415: 'The body is not application/json',
  422: 'Policy, or what the installation knows, refuses it',
};

/** Refusals of single routes. */
const OWN: Record<string, Record<string, string>> = {
  'post /api/ops/work/renew': WITH_ID,
  'post /api/ops/work/leave': WITH_ID,
  'delete /api/ops/session': { 409: WITH_BODY[409] },
};

const PROBLEM = { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } };

/** The OpenAPI 3.1 document of the routes; the refusals that all routes share are added here, once. */
export function describeApi(http: OpenAPIHono<HttpEnv>): Document {
  const document = http.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'opsloop',
      version: VERSION,
      description: 'A closed loop for AI agents: agents propose, policy decides, workers act.',
      license: { name: 'MIT', url: 'https://spdx.org/licenses/MIT.html' },
    },
    servers: [{ url: '/' }],
  });
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const method of ['get', 'post', 'put', 'delete'] as const) {
      const operation = item[method];
      if (!operation) continue;
      operation.operationId = nameOf(method, path);
      const refusals = {
        ...(operation.security?.length === 0 ? OPEN : COMMON),
        // A name that no public path has is a path like any other, and needs a key.
        ...(path.includes('{') ? { 401: COMMON[401], ...WITH_ID } : {}),
        ...OWN[`${method} ${path}`],
        ...(method === 'post' || method === 'put' ? WITH_BODY : {}),
      };
      for (const [status, description] of Object.entries(refusals)) {
        operation.responses ??= {};
        const response = (operation.responses[status] ??= { description });
        response.content = { ...response.content, ...PROBLEM };
      }
    }
  }
  document.components = {
    ...document.components,
    schemas: { ...document.components?.schemas, Problem: PROBLEM_SCHEMA },
    securitySchemes: {
      link: { type: 'http', scheme: 'bearer', description: 'The secret of a link that decides, `opd_...`.' },
      key: { type: 'http', scheme: 'bearer', description: "An API key, `ops_...`, or a session's token." },
      claim: { type: 'http', scheme: 'bearer', description: 'The token of one claim, `opw_...`.' },
    },
  };
  return document;
}

/** `GET /api/ops/missions/{id}/why` is `getMissionsWhy`. */
function nameOf(method: string, path: string): string {
  const words = path
    .replace('/api/ops', '')
    .split(/[/.-]/)
    .filter((word) => word !== '' && !word.startsWith('{'));
  const one = path.endsWith('}') ? 'One' : '';
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('') + one;
}
