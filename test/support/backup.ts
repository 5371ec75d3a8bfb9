import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeBackup, type Made, type MakeOptions } from '../../src/backup/make.ts';
import { type Restored, type RestoreOptions, restoreBackup } from '../../src/backup/restore.ts';
import type { Database } from '../../src/db/database.ts';
import { signChainEnd } from '../../src/events/proof/sign.ts';
import { createKey } from '../../src/keys/keys.ts';
import { openPolicy, proposer, sealAll } from './loop.ts';
import { endedThreads } from './retention.ts';
import { add } from './schedules.ts';
import { emptyHome } from './sealed-log.ts';

/** What text formats stumble over. */
export const ODD = 'tab\t line\n return\r back\\slash \\. \\N "quoted" \u{1F600} \u202e \u0001 end';

/** Fills every table with something, by hand where no short way through the program leads there; ends with a running step. */
export async function fillEveryTable(database: Database, home: string) {
  await openPolicy(database);
  const { worker } = await endedThreads(database);
  await add(database, { name: 'hourly', every_seconds: 3_600 });
  const { row: key } = await createKey(database, { name: 'k', scopes: ['read'] }, 'test');
  const propose = proposer(database);
  await propose({ title: ODD.slice(0, 100), body: ODD, idempotency: { owner: 'o', key: 'k', digest: 'd' } });
  const held = await worker.claimOne();
  const { proposal } = await propose({});
  const [workspace, one, two] = [randomUUID(), randomUUID(), randomUUID()];
  await database.query(
    `with w as (insert into ops_workspaces (id, path, mode) values ('${workspace}', '/w', 'process')),
     s as (insert into ops_files_seen values ('${workspace}', 'inbox', 'a', '1')),
     f as (insert into ops_files (id, workspace_id, name, form, status, digest, agent_id, root_id, parent_id, after_id,
         proposal_id, note, content)
       values ('${one}', '${workspace}', 'a', 'task', 'taken', 'd', 'pm', '${one}', '${two}', null, '${proposal.id}', 'n.md', null),
              ('${two}', '${workspace}', 'b', 'task', 'planned', 'd', 'pm', '${one}', '${one}', '${one}', null, null, 'c')),
     a as (insert into ops_artefacts (name, file_id, content) values ('n.md', '${one}', $1)),
     b as (insert into ops_beats (id, lease_expires_at, finished_at, asked_by)
       values (gen_random_uuid(), now(), now(), 'test')),
     r as (insert into ops_action_runs (action, status, details) values ('x', 'ok', '{"n": 1e3}')),
     l as (insert into ops_alerts (key, topic, message) values ('problem:x', 'x', $1)),
     h as (insert into ops_webhooks (webhook_id, name, url, template, topics, created_by)
       values ('${workspace}', 'hook', 'https://hooks.example/', 'json', '{proposal}', 'test')),
     e as (insert into ops_deliveries (delivery_id, webhook_id, topic, about)
       values (gen_random_uuid(), '${workspace}', 'proposal.pending', '{}')),
     d as (insert into ops_decision_links values ('l', '\\x00ff', '${proposal.id}', '${workspace}', now(), now(), null)),
     n as (insert into ops_sessions (session_id, key_id, secret_hash, expires_at)
       values ('s', '${key.key_id}', '\\x01', now() + interval '1 day')),
     c as (insert into ops_work_claims (claim_id, step_id, worker_id, key_id, attempt, secret_hash, lease_expires_at)
       values (gen_random_uuid(), '${held.id}', 'w', '${key.key_id}', 1, '', now())),
     m as (insert into ops_llm_calls (step_id, attempt, claim_id, engine, duration_ms, outcome, cost_usd)
       values ('${held.id}', 1, gen_random_uuid(), 'e', 1, 'ok', 0.000001)),
     t as (insert into ops_tallies select 'minute', now(), '', 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, '{1,2}')
     insert into ops_installation values ('model_seen', 'true')`,
    [ODD],
  );
  await sealAll(database);
  await signChainEnd(database, home);
  return { held, worker };
}

/** Makes a backup in the home's folder, or under the name that is given. */
export function backUp(database: Database, home: string, more: Partial<MakeOptions> = {}): Promise<Made> {
  return makeBackup({
    database,
    home,
    settings: { everyHours: 24, keep: 3, folder: join(home, 'backups'), verify: false },
    verify: false,
    withSecrets: false,
    dataDir: undefined,
    ...more,
  });
}

export function restore(
  path: string,
  target: Pick<Database, 'url'>,
  more: Partial<RestoreOptions> = {},
): Promise<Restored> {
  return restoreBackup({
    path,
    url: target.url,
    home: emptyHome(),
    acceptFindings: false,
    withSecrets: false,
    onStep: () => undefined,
    ...more,
  });
}

/** Changes one byte. */
export async function flip(path: string, at: number, to = `${path}.damaged`): Promise<string> {
  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(at) ^ 0x20, at);
  await writeFile(to, bytes);
  return to;
}
