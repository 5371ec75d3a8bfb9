import { sleep } from '../lib/time.ts';
import { type Means, record, send } from './api.ts';

type Row = { id: string };
const PAUSE_MS = 400;

async function pickOne(means: Means, path: string, member: 'proposals' | 'missions'): Promise<string | null> {
  const found = await send<Record<string, Row[]>>(means, { method: 'GET', path });
  const rows = found.outcome === 'ok' ? (found.body[member] ?? []) : [];
  return rows.length === 0 ? null : means.random.pick(rows).id;
}

/** Approves and rejects what waits for a decision. Two of them meet, so that some find it decided. */
export async function runDecider(means: Means, name: string): Promise<void> {
  while (!means.stopping.aborted) {
    const proposal = await pickOne(means, '/api/ops/proposals?status=pending&limit=5', 'proposals');
    if (proposal !== null) {
      const verb = means.random.next() < 0.7 ? 'approve' : 'reject';
      const request = { method: 'POST', path: `/api/ops/proposals/${proposal}/${verb}`, body: {} };
      await record(means, name, verb, { proposal }, request);
    }
    await sleep(PAUSE_MS, means.stopping);
  }
}

/** Cancels some missions that are under way, and tries failed ones again. */
export async function runCanceller(means: Means, name: string): Promise<void> {
  for (let n = 0; !means.stopping.aborted; n++) {
    const verb = n % 2 === 0 ? 'cancel' : 'retry';
    const status = verb === 'cancel' ? 'active' : 'failed';
    const mission = await pickOne(means, `/api/ops/missions?status=${status}&limit=20`, 'missions');
    if (mission !== null) {
      const request = { method: 'POST', path: `/api/ops/missions/${mission}/${verb}`, body: {} };
      await record<{ mission: Row }>(means, name, verb, { mission }, request, (body) => ({
        became: body.mission.id,
      }));
    }
    await sleep(PAUSE_MS * 3, means.stopping);
  }
}

/** No change of somebody else has such a value. */
const FIRST_CHANGE = 1_000;

/** Sets a policy to ever new values, each of which says which change it was. */
export async function runPolicyChanger(means: Means, name: string): Promise<void> {
  for (let minutes = FIRST_CHANGE; !means.stopping.aborted; minutes++) {
    const value = { after_minutes: minutes, every_minutes: 43_000, most: 3 };
    const request = { method: 'PUT', path: '/api/ops/policy/reminders', body: { value } };
    await record(means, name, 'set-policy', { minutes }, request);
    await sleep(PAUSE_MS * 2, means.stopping);
  }
}
