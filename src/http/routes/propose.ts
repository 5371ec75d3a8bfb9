import { createHash } from 'node:crypto';
import { createRoute, z } from '@hono/zod-openapi';
import type { App } from '../../app.ts';
import { AppError, type ErrorCode } from '../../errors.ts';
import type { Caller } from '../../keys/schema.ts';
import { inSpan, parseTraceparent } from '../../lib/tracing.ts';
import { refusalOf, shownMission } from '../../loop/answer.ts';
import type { Proposed } from '../../loop/propose.ts';
import type { ProposalRequest, StoredAnswer } from '../../loop/schema.ts';
import { ProposalInput } from '../../proposals/schema.ts';
import { needs } from '../access.ts';
import { makeRouter } from '../env.ts';
import { strict } from '../refuse-invalid.ts';
import { body, json } from '../schemas/common.ts';
import { ProposalWithMission } from '../schemas/rows.ts';

export const IdempotencyKey = z
  .string()
  .regex(/^[\x21-\x7e]{1,200}$/, '1 to 200 visible ASCII characters')
  .optional()
  .openapi({
    description: 'Names the request for 7 days: sent again, it gets the first answer and makes nothing new.',
  });

const propose = createRoute({
  method: 'post',
  path: '/api/ops/proposals',
  summary: 'Propose something; policy decides',
  ...needs('propose', { agents: 'own' }),
  request: {
    headers: z.object({ 'idempotency-key': IdempotencyKey }),
    body: body(strict(ProposalInput.shape)),
  },
  responses: { 201: json(ProposalWithMission, 'The proposal, and its mission where policy approved it') },
});

type Input = z.infer<typeof ProposalInput>;
type Answer = z.infer<typeof ProposalWithMission>;

export function proposeRoute(app: App) {
  return makeRouter().openapi(propose, async (c) => {
    const key = c.req.valid('header')['idempotency-key'];
    const request = toRequest(c.req.valid('json'), c.get('caller'), key);
    const proposed = await proposeTraced(app, request, c.get('wire').values('traceparent')[0]);
    if ('repeated' in proposed) {
      c.header('Idempotent-Replayed', 'true');
      return c.json(readStored(proposed.repeated), 201);
    }
    const { admission } = proposed;
    const refused = refusalOf(admission);
    if (refused) throw refused;
    const { proposal, mission } = admission;
    return c.json({ proposal, mission: mission && shownMission(mission) }, 201);
  });
}

/** The proposal is a part of the proposer's trace, and what is done for it is a part of the proposal. */
function proposeTraced(app: App, request: ProposalRequest, given: string | undefined): Promise<Proposed> {
  const { kind, agentId } = request;
  const parent = given !== undefined && parseTraceparent(given) ? given : null;
  const facts = { 'opsloop.proposal.kind': kind, 'gen_ai.agent.id': agentId };
  return inSpan(`propose ${kind}`, { kind: 'internal', facts, parent }, async (traced) => {
    const proposed = await app.propose({ ...request, traceparent: traced.traceparent() ?? parent });
    if ('admission' in proposed)
      traced.note({
        'opsloop.proposal.id': proposed.admission.proposal.id,
        'opsloop.proposal.status': proposed.admission.proposal.status,
      });
    return proposed;
  });
}

/** @throws AppError forbidden or invalid_request */
function toRequest(input: Input, caller: Caller, key: string | undefined): ProposalRequest {
  const agentId = proposingAgent(input.agent_id, caller);
  if (caller.agentId !== null && (input.priority ?? 0) !== 0) {
    throw new AppError('forbidden', `Only an operator sets a priority; leave it out or give 0.`, {
      details: { priority: input.priority },
    });
  }
  const { kind, title, body = null, priority = 0, run_at } = input;
  const runAt = run_at == null ? null : new Date(run_at);
  const request = { agentId, kind, title, body, priority, runAt };
  // The members are always in this order, so equal requests have equal digests however they were written.
  const digest = createHash('sha256').update(JSON.stringify(request)).digest('hex');
  return {
    ...request,
    by: caller.by,
    ...(key === undefined ? {} : { idempotency: { owner: caller.keyId, key, digest } }),
  };
}

function proposingAgent(named: string | undefined, caller: Caller): string {
  if (caller.agentId === null) {
    if (named !== undefined) return named;
    throw new AppError(
      'invalid_request',
      'body.agent_id: is missing; an operator names the agent it proposes for (`opsloop agents` lists them), or takes a key of that agent.',
    );
  }
  if (named === undefined || named === caller.agentId) return caller.agentId;
  throw new AppError(
    'forbidden',
    `The key ${caller.keyId} speaks for the agent ${caller.agentId} and cannot propose as "${named}".`,
    { details: { agent_id: caller.agentId } },
  );
}

type StoredError = { code: ErrorCode; message: string; details: Record<string, unknown> };

/** The first answer again. @throws AppError when the first answer was a refusal */
function readStored({ status, answer }: StoredAnswer): Answer {
  if (status === 201) return answer as Answer;
  const { code, message, details } = answer as StoredError;
  const { resets_at } = (details.refusal ?? {}) as { resets_at?: string };
  const seconds = resets_at === undefined ? 0 : Math.ceil((Date.parse(resets_at) - Date.now()) / 1000);
  throw new AppError(code, message, {
    details,
    ...(code === 'cap_reached' ? { retryAfter: Math.max(1, seconds) } : {}),
  });
}
