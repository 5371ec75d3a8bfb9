import { expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';

/** What the database itself refuses, whoever writes. */
const db = useDatabase();
const uuid = 'gen_random_uuid()';

const COLUMNS: Record<string, string[]> = {
  ops_proposals: [
    'id uuid',
    'agent_id text not null',
    'kind text not null',
    'title text not null',
    'body text',
    'status text not null',
    'policy_snapshot jsonb',
    'created_at timestamp with time zone',
    'decided_at timestamp with time zone',
  ],
  ops_missions: [
    'id uuid',
    'proposal_id uuid',
    'title text not null',
    'status text not null',
    'created_at timestamp with time zone',
    'completed_at timestamp with time zone',
  ],
  ops_steps: [
    'id uuid',
    'mission_id uuid',
    'kind text not null',
    'title text not null',
    'input jsonb',
    'output jsonb',
    'status text not null',
    'worker_id text',
    'claimed_at timestamp with time zone',
    'completed_at timestamp with time zone',
    'created_at timestamp with time zone',
  ],
  ops_events: [
    'id bigint',
    'kind text not null',
    'source text',
    'payload jsonb',
    'created_at timestamp with time zone',
  ],
  ops_policy: ['key text', 'value jsonb not null', 'updated_at timestamp with time zone'],
  ops_action_runs: [
    'id bigint',
    'action text not null',
    'status text not null',
    'details jsonb',
    'duration_ms integer',
    'created_at timestamp with time zone',
  ],
  ops_agent_config: [
    'agent_id text',
    'display_name text',
    'model_override text',
    'role text',
    'config jsonb',
    'created_at timestamp with time zone',
  ],
};

test.each(Object.entries(COLUMNS))(
  '%s has the columns, types and nullability of the specification',
  async (table, expected) => {
    const rows = await db.database.query<{ name: string; type: string; required: boolean; key: boolean }>(
      `select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as required,
       exists (select from pg_index i where i.indrelid = a.attrelid and i.indisprimary and a.attnum = any(i.indkey)) as key
     from pg_attribute a where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum`,
      [table],
    );
    const found = rows.map(
      ({ name, type, required, key }) => `${name} ${type}${required && !key ? ' not null' : ''}`,
    );
    expect(found.slice(0, expected.length)).toEqual(expected);
    const [key] = rows;
    expect(key?.key).toBe(true);
  },
);

test('every added column and table says why', async () => {
  const missing = await db.database.query<{ what: string }>(
    `select c.relname || '.' || a.attname as what from pg_class c join pg_attribute a on a.attrelid = c.oid
     where c.relname in ('ops_proposals', 'ops_missions', 'ops_steps', 'ops_events', 'ops_policy', 'ops_action_runs')
       and a.attnum > 0 and col_description(c.oid, a.attnum) is null`,
  );
  const documented = new Set(
    Object.entries(COLUMNS).flatMap(([table, columns]) =>
      columns.map((column) => `${table}.${column.split(' ')[0]}`),
    ),
  );
  // Said once by the column it goes with: an outcome's time, and for whom a row is.
  const plain = ['ops_proposals.completed_at'];
  expect(
    missing.map((row) => row.what).filter((what) => !documented.has(what) && !plain.includes(what)),
  ).toEqual([]);
});

const proposal = (status: string, more = '') =>
  `insert into ops_proposals (agent_id, kind, title, status${more ? `, ${more.split('=')[0]}` : ''}) values ('a', 'k', 't', '${status}'${more ? `, ${more.split('=')[1]}` : ''}) returning id`;

test.each([
  ['a status outside the set', proposal('accepted', 'decided_at=now()'), 'ops_proposals_status'],
  ['a decided proposal without a time', proposal('approved'), 'ops_proposals_decided'],
  [
    'a pending proposal with a decision time',
    proposal('pending', 'decided_at=now()'),
    'ops_proposals_decided',
  ],
  ['a pending proposal with an outcome', proposal('pending', `outcome='failed'`), 'ops_proposals_completed'],
  [
    'a title of 201 characters',
    `insert into ops_proposals (agent_id, kind, title, status) values ('a', 'k', repeat('x', 201), 'pending')`,
    'ops_proposals_sizes',
  ],
  [
    'an active mission that is completed',
    `insert into ops_missions (title, status, completed_at) values ('t', 'active', now())`,
    'ops_missions_completed',
  ],
  [
    'a running step without a claim',
    `insert into ops_steps (kind, title, status, worker_id, claimed_at) values ('k', 't', 'running', 'w', now())`,
    'ops_steps_running',
  ],
  [
    'a running step without a worker',
    `insert into ops_steps (kind, title, status, claim_id, claimed_at) values ('k', 't', 'running', ${uuid}, now())`,
    'ops_steps_running',
  ],
  [
    'a running step without claimed_at',
    `insert into ops_steps (kind, title, status, claim_id, worker_id) values ('k', 't', 'running', ${uuid}, 'w')`,
    'ops_steps_running',
  ],
  [
    'a completed step without a time',
    `insert into ops_steps (kind, title, status) values ('k', 't', 'completed')`,
    'ops_steps_completed',
  ],
  [
    'a queued step that is claimed',
    `insert into ops_steps (kind, title, status, claim_id) values ('k', 't', 'queued', ${uuid})`,
    'ops_steps_queued',
  ],
  [
    'a failed step that can be claimed',
    `insert into ops_steps (kind, title, status, completed_at, ready) values ('k', 't', 'failed', now(), true)`,
    'ops_steps_ready',
  ],
  [
    'an action run of another status',
    `insert into ops_action_runs (action, status) values ('a', 'fine')`,
    'ops_action_runs_status',
  ],
  [
    'an agent key that may approve',
    `insert into ops_api_keys (key_id, secret_hash, name, scopes, agent_id) values ('k', '', 'n', '{approve}', 'pm')`,
    'ops_api_keys_agents_never_decide',
  ],
  [
    'a key of an unknown scope',
    `insert into ops_api_keys (key_id, secret_hash, name, scopes) values ('k', '', 'n', '{root}')`,
    'ops_api_keys_scopes',
  ],
])('refused: %s', async (_what, statement, constraint) => {
  await expect(db.database.query(statement)).rejects.toMatchObject({ code: '23514', constraint });
});

const TIMES: Record<string, string> = { approved: 'decided_at = now()', rejected: 'decided_at = now()' };
const STEP_SET: Record<string, string> = {
  queued: 'worker_id = null, claim_id = null, claimed_at = null, completed_at = null',
  running: `worker_id = 'w', claim_id = ${uuid}, claimed_at = now(), completed_at = null`,
  completed: 'completed_at = now()',
  failed: 'completed_at = now()',
};
const LEGAL = {
  ops_proposals: ['pending>approved', 'pending>rejected', 'approved>completed'],
  ops_missions: ['active>completed', 'active>failed'],
  ops_steps: ['queued>running', 'queued>failed', 'running>completed', 'running>failed', 'running>queued'],
};
const STATUSES = {
  ops_proposals: ['pending', 'approved', 'rejected', 'completed'],
  ops_missions: ['active', 'completed', 'failed'],
  ops_steps: ['queued', 'running', 'completed', 'failed'],
};
type Table = keyof typeof LEGAL;

const transitions = (Object.keys(LEGAL) as Table[]).flatMap((table) =>
  STATUSES[table].flatMap((from) =>
    STATUSES[table].filter((to) => to !== from).map((to) => ({ table, from, to })),
  ),
);

test.each(transitions)('$table: $from -> $to', async ({ table, from, to }) => {
  const id = await put(table, from);
  const change = db.database.query(
    `update ${table} set status = '${to}'${sets(table, from, to)} where id = $1`,
    [id],
  );
  if (LEGAL[table].includes(`${from}>${to}`)) await change;
  else await expect(change).rejects.toMatchObject({ code: '23514', constraint: `${table}_legal` });
});

test('a running step cannot change hands without being given back first', async () => {
  const id = await put('ops_steps', 'running');
  await expect(
    db.database.query(`update ops_steps set claim_id = ${uuid} where id = $1`, [id]),
  ).rejects.toMatchObject({ constraint: 'ops_steps_legal' });
});

async function put(table: Table, status: string): Promise<string> {
  const columns: Record<Table, string> = {
    ops_proposals: `insert into ops_proposals (agent_id, kind, title, status, decided_at, completed_at, outcome)
      values ('a', 'k', 't', '${status}', ${status === 'pending' ? 'null' : 'now()'},
        ${status === 'completed' ? `now(), 'failed'` : 'null, null'}) returning id`,
    ops_missions: `insert into ops_missions (title, status, completed_at)
      values ('t', '${status}', ${status === 'active' ? 'null' : 'now()'}) returning id`,
    ops_steps: `insert into ops_steps (kind, title, status, worker_id, claim_id, claimed_at, completed_at)
      values ('k', 't', '${status}', ${status === 'running' ? `'w', ${uuid}, now()` : 'null, null, null'},
        ${status === 'completed' || status === 'failed' ? 'now()' : 'null'}) returning id`,
  };
  const [row] = await db.database.query<{ id: string }>(columns[table]);
  return row?.id ?? '';
}

function sets(table: Table, from: string, to: string): string {
  if (table === 'ops_steps') return `, ${STEP_SET[to]}`;
  if (table === 'ops_missions') return to === 'active' ? ', completed_at = null' : ', completed_at = now()';
  if (to === 'completed') return `, outcome = 'failed', completed_at = now(), decided_at = now()`;
  const undo = from === 'completed' ? ', outcome = null, completed_at = null' : '';
  return `, ${TIMES[to] ?? 'decided_at = null'}${undo}`;
}
