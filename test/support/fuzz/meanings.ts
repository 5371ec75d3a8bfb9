import * as fc from 'fast-check';
import { DEFAULT_POLICY, POLICY_KEYS } from '../../../src/policy/schema.ts';
import { hostileText } from './hostile.ts';
import type { Operation } from './operations.ts';

/** A place in a request that is filled with something that exists when it is sent. */
function place(...pools: string[]): fc.Arbitrary<string> {
  return fc.tuple(fc.constantFrom(...pools), fc.nat({ max: 15 })).map(([pool, n]) => `@{${pool}:${n}}`);
}

/** Every claim has its own token, so both stand at the same place of their pools. */
const KIND = fc.constantFrom('analysis', 'content', 'task', 'tweet', 'deploy', 'goal', 'exec', 'other');
const AGENT = fc.constantFrom('coder', 'research', 'pm', 'qa');
const NAME = place('name');
const UUID = fc.uuid();

/**
 * What the document cannot say of a member: that it names something which exists, or a time zone. By the name of the
 * member, at whatever depth; or by a whole body, where what is valid hangs together.
 */
export const MEANINGS: Record<string, fc.Arbitrary<unknown>> = {
  agent_id: AGENT,
  agent: AGENT,
  kind: KIND,
  title: fc.constantFrom(
    'Look into it',
    'Ünïcödé 🦊',
    '\u202eturned\u202c and \u200bhidden',
    'x'.repeat(200),
  ),
  body: fc.oneof(
    fc.constantFrom(null, '', 'Some text.', '\u202e\u200b\ufeff', 'é'.repeat(131_072)),
    fc.string({ unit: 'grapheme' }),
  ),
  run_at: fc.constantFrom(null, new Date(Date.now() + 60_000).toISOString()),
  cursor: fc.option(place('cursor'), { freq: 2 }),
  q: fc.constantFrom('look', 'MADE', '🦊', '%', '_', '\\'),
  proposal_id: place('proposal', 'pending'),
  mission_id: place('mission'),
  entity_id: place('proposal', 'step', 'mission'),
  worker_id: place('worker'),
  stem: fc.constantFrom('task', 'x'),
  after: fc.constantFrom('0', '1', '5'),
  limit: fc.constantFrom('1', '2', '50', '200'),
  count: fc.constantFrom('1', '100'),
  days: fc.constantFrom('1', '90'),
  oldest: fc.constant(undefined),
  timezone: fc.constantFrom('UTC', 'Europe/Berlin', 'Pacific/Apia'),
  wait_seconds: fc.constantFrom(0, 0.05),
  worker: fc.oneof(
    place('worker'),
    UUID.map((id) => `fuzz-${id}`),
  ),
  kinds: fc.constantFrom(['analyze'], ['analyze', 'generate', 'review']),
  claims: fc.array(place('claim'), { maxLength: 3 }),
  'idempotency-key': fc.oneof(UUID, UUID, fc.constantFrom('a', 'b', 'c', 'd')),
  'last-event-id': fc.constantFrom('0', '1'),
  if_updated_at: fc.constant(undefined),
  'body of POST /api/ops/schedules': schedule(true),
  'body of PUT /api/ops/schedules/{name}': schedule(false),
  'body of PUT /api/ops/policy/{key}': policyValue(),
  'body of POST /api/ops/policy/{key}/preview': policyValue(),
  'body of PUT /api/ops/webhooks/{name}': webhook(),
  'body of POST /api/ops/fleet': fc.record({
    fleet: fc.record(
      {
        agents: fc.constantFrom({}, { scout: { role: 'scout' } }),
        policy: fc.constantFrom({}, { kind_caps: { tweet: 3 } }),
        keys: fc.constantFrom({}, { deployer: { scopes: ['read'] } }),
        schedules: fc.constantFrom(
          {},
          { nightly: { agent_id: 'qa', kind: 'analysis', title: 'N', cron: '0 3 * * *' } },
        ),
        webhooks: webhook().map((one) => ({ phone: one })),
      },
      { requiredKeys: [] },
    ),
    dry_run: fc.boolean(),
  }),
  'body of POST /api/ops/keys': fc.record(
    {
      name: fc.string({ minLength: 1, maxLength: 100 }),
      scopes: fc.constantFrom(['read'], ['work'], ['propose', 'emit']),
      agent_id: fc.constantFrom(null, 'coder'),
      expires_in_days: fc.constantFrom(1, 3_650),
    },
    { requiredKeys: ['name', 'scopes'] },
  ),
  'body of POST /mcp': message(),
  'body of POST /api/submit': submission(),
  'body of POST /api/inbox': submission(),
};

/** What a path's parameter stands for, which hangs on the route. */
export function meaningOf({ path, method }: Operation, name: string): fc.Arbitrary<unknown> | undefined {
  if (path.startsWith('/assets/')) return place('asset');
  if (name === 'kind' && path === '/api/ops/events')
    return method === 'GET' ? fc.constantFrom('step.', 'proposal.created') : undefined;
  if (name === 'claim_id') return fc.constant('@{claim:0}');
  if (name === 'key_id') return place('key-id');
  if (name === 'key') return fc.constantFrom(...POLICY_KEYS);
  if (path.startsWith('/api/out/')) return fc.constant('result.md');
  if (name === 'name' && path.includes('{name}')) return NAME;
  if (name !== 'id') return MEANINGS[name];
  if (path.includes('webhook-calls')) return place('delivery');
  if (path.includes('steps')) return place('step');
  if (path.includes('missions')) return path.endsWith('retry') ? place('failed-mission') : place('mission');
  return method === 'POST' ? place('pending') : place('pending', 'proposal');
}

function schedule(isNew: boolean): fc.Arbitrary<unknown> {
  const timing = fc.constantFrom<object>(
    { cron: '*/5 * * * *' },
    { every_seconds: 60 },
    { at: '2027-01-01T00:00:00Z' },
  );
  const rest = fc.record(
    { jitter_seconds: fc.constantFrom(0, 3_600), missed: fc.constantFrom('skip', 'once', 'all') },
    { requiredKeys: [] },
  );
  const name = fc.oneof(
    NAME,
    UUID.map((id) => `s-${id}`),
  );
  const what = fc.record({ name, agent_id: AGENT, kind: KIND, title: fc.constant('By the clock') });
  return fc.tuple(timing, rest, isNew ? what : fc.constant({})).map((parts) => Object.assign({}, ...parts));
}

function policyValue(): fc.Arbitrary<unknown> {
  return fc.constantFrom(...POLICY_KEYS).map((key) => ({ value: DEFAULT_POLICY[key] }));
}

function webhook(): fc.Arbitrary<object> {
  return fc.record(
    {
      url: fc.constantFrom('https://hooks.example/x', 'https://hooks.example/{secret:token}'),
      topics: fc.constantFrom(['problem'], ['proposal.pending', 'mission.failed']),
      links: fc.boolean(),
      agents: fc.constantFrom(null, ['coder']),
      paused: fc.boolean(),
    },
    { requiredKeys: ['url', 'topics'] },
  );
}

function submission(): fc.Arbitrary<unknown> {
  const text = fc.constantFrom('Do it', '@role: coder\nDo it', 'STRICT: x', 'EXEC: id', 'é🦊\u202e');
  return fc.record({ name: UUID.map((id) => `t-${id}`), text }, { requiredKeys: ['text'] });
}

function message(): fc.Arbitrary<unknown> {
  const usualArguments = fc.constantFrom<object>(
    {},
    { kind: 'analysis', title: 'T', agent_id: 'coder' },
    { id: '@{proposal:0}' },
    { limit: -1 },
  );
  const members = fc.constantFrom(
    'id',
    'kind',
    'title',
    'body',
    'agent_id',
    'status',
    'limit',
    'cursor',
    'x',
  );
  const hostileArguments = fc.dictionary(members, fc.oneof(hostileText, fc.jsonValue()), { maxKeys: 3 });
  const call = fc
    .record({
      name: fc.constantFrom(
        'propose',
        'list_proposals',
        'list_missions',
        'show_policy',
        'show_proposal',
        'nothing',
      ),
      arguments: fc.oneof(usualArguments, hostileArguments),
    })
    .map((params) => ({ method: 'tools/call', params }));
  const client = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'f', version: '1' } };
  const other = fc.constantFrom<object>(
    { method: 'tools/list' },
    { method: 'ping' },
    { method: 'initialize', params: client },
    { method: 'resources/list' },
    { method: 'notifications/initialized', id: undefined },
  );
  return fc.oneof(call, other).map((one) => ({ jsonrpc: '2.0', id: 1, ...one }));
}
