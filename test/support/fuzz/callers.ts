import { appendEvents } from '../../../src/events/events.ts';
import { revokeKey } from '../../../src/keys/keys.ts';
import { SCOPES, type Scope } from '../../../src/keys/schema.ts';
import { OPERATOR_KEY, type TestApp } from '../app.ts';
import type { Lock } from './operations.ts';

/** Who asks: a name for people, what is sent as the Bearer, and what it should open. */
export type Caller = {
  name: string;
  /** Null: no Authorization header. Places of the world are filled in when it is sent. */
  bearer: string | null;
  /** Whether a key, link or token is good for anything at all. */
  isValid: boolean;
  may(lock: Lock, operation: string): boolean;
};

const AGENT_SCOPES = ['propose', 'read', 'emit', 'work'] as const;
const AGENTS = ['coder', 'research'];
const nothing = () => false;
const SIGN_IN = 'POST /api/ops/session';

/** Every kind of key with every scope, and everything that is no key or none any more. */
export async function makeCallers(t: TestApp): Promise<Caller[]> {
  const all = [...SCOPES];
  const keyIdOf = (key: string) => key.split('_')[1] ?? '';
  const revoked = await t.key({ name: 'revoked', scopes: all });
  await revokeKey(t.database, keyIdOf(revoked), 'test');
  const expired = await t.key({ name: 'expired', scopes: all, expires_in_days: 1 });
  await expire(t, keyIdOf(expired));
  const known = await t.key({ name: 'guessed', scopes: all });
  const others = [
    ['no key', null],
    ['a revoked key', revoked],
    ['an expired key', expired],
    ['an id with a wrong secret', `ops_${keyIdOf(known)}_${'A'.repeat(43)}`],
    ['an id that nobody has', `ops_AAAAAAAA_${'A'.repeat(43)}`],
    ['a key that is none', 'nonsense'],
    ['a used code', `opc_AAAAAAAA_${'A'.repeat(43)}`],
  ] as const;
  const operators = SCOPES.map(async (scope): Promise<Caller> => {
    const bearer = await t.key({ name: scope, scopes: [scope] });
    return {
      name: `an operator's key (${scope})`,
      bearer,
      isValid: true,
      may: (lock) => opens(lock, [scope], false),
    };
  });
  const agents = AGENTS.flatMap((agent_id) =>
    AGENT_SCOPES.map(async (scope): Promise<Caller> => {
      const bearer = await t.key({ name: scope, scopes: [scope], agent_id });
      return {
        name: `a key of ${agent_id} (${scope})`,
        bearer,
        isValid: true,
        may: (lock) => opens(lock, [scope], true),
      };
    }),
  );
  return [
    operator,
    ...others.map(([name, bearer]) => ({ name, bearer, isValid: false, may: nothing })),
    ...(await Promise.all([...operators, ...agents])),
    {
      name: "an operator's session",
      bearer: '@{session:0}',
      isValid: true,
      may: (lock, operation) => operation !== SIGN_IN && opens(lock, all, false),
    },
    { name: 'a code', bearer: '@{code:0}', isValid: true, may: (_, operation) => operation === SIGN_IN },
    { name: 'the token of a claim', bearer: '@{token:0}', isValid: true, may: ({ by }) => by === 'claim' },
    { name: 'a link', bearer: '@{link:0}', isValid: true, may: ({ by }) => by === 'link' },
  ];
}

/** A key can be made for a day at least, so its end is put back; the log tells of it, as it tells of every row. */
async function expire({ database }: TestApp, keyId: string): Promise<void> {
  const [row] = await database.query<{ expires_at: Date }>(
    `update ops_api_keys set expires_at = date_trunc('milliseconds', now()) - interval '1 s' where key_id = $1 returning expires_at`,
    [keyId],
  );
  await appendEvents(database, {
    kind: 'key.created',
    source: 'test',
    entity: 'key',
    entityId: keyId,
    payload: { set: { expires_at: row?.expires_at }, cause: { by: 'test' } },
  });
}

export const operator: Caller = {
  name: "the environment's key",
  bearer: OPERATOR_KEY,
  isValid: true,
  may: (lock) => opens(lock, [...SCOPES], false),
};

function opens({ by, scope, agents }: Lock, scopes: Scope[], isAgent: boolean): boolean {
  if (by !== 'key') return false;
  return (scope === null || scopes.includes(scope as Scope)) && (agents || !isAgent);
}
