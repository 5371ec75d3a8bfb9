import { basename } from 'node:path';
import type { Database } from '../db/database.ts';
import { appendEvents } from '../events/events.ts';
import { listPolicy, setPolicy } from '../policy/policy.ts';
import { POLICY_SCHEMAS } from '../policy/schema.ts';
import type { Manifest } from './manifest.ts';
import { endSessions } from './queries.ts';

/**
 * A copy must not act by itself: beside an original that still lives it would call, propose and spend a second time. So
 * everything waits for `opsloop resume`, and who was signed in signs in again.
 */
export async function holdStill(database: Database, path: string, manifest: Manifest): Promise<void> {
  await endSessions(database);
  const row = (await listPolicy(database)).find(({ key }) => key === 'paused');
  const before = POLICY_SCHEMAS.paused.safeParse(row?.value);
  const agents = before.success ? before.data.agents : [];
  await setPolicy(database, 'paused', { enabled: true, agents, restored: true }, 'restore');
  const { taken_at, opsloop, schema, log } = manifest;
  await appendEvents(database, {
    kind: 'backup.restored',
    source: 'backup',
    entity: 'backup',
    entityId: basename(path),
    payload: { cause: { by: 'restore' }, taken_at, opsloop, schema, seq: log?.seq ?? null },
  });
}
