import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setPolicy } from '../../../src/policy/policy.ts';
import { OPERATOR_KEY, type TestApp } from '../app.ts';
import { openPolicy } from '../loop.ts';
import { linkOf } from '../webhooks.ts';

/** What requests can name: texts by pool, such as the ids of pending proposals. A place in them is `@{pool:7}`. */
export type World = {
  /** Makes anew what requests have used up, so that the next ones find something to act on. */
  tend(): Promise<void>;
  /** Puts what exists into the places of a text. */
  fill(text: string): string;
};

const REF = /@\{([\w-]+):(\d+)\}/g;
const NAMED = 3;
const EXEC = { approval_files: false, timeout_seconds: 300, max_output_bytes: 100_000 };
const ASSETS = new URL('../../../dist/dashboard/assets', import.meta.url);

type Named = { id: string };
type Proposed = { proposal: Named; mission: { mission: Named; steps: Named[] } };
type Claimed = { claims: { claim_id: string; token: string; step: { mission_id: string } }[] };

export function makeWorld(t: TestApp, workspace: string): World {
  const pools = new Map<string, string[]>();
  const call = async <Answer>(method: string, path: string, json?: unknown): Promise<Answer> => {
    const response = await t.request(path, { method, key: OPERATOR_KEY, ...(json ? { json } : {}) });
    const answer: unknown = await response.json();
    if (response.ok) return answer as Answer;
    throw new Error(`${method} ${path} was answered ${response.status}: ${JSON.stringify(answer)}`);
  };
  const times = <T>(count: number, make: (n: number) => Promise<T>) =>
    Promise.all(Array.from({ length: count }, (_, n) => make(n)));

  const propose = (kind: string) => (n: number) => {
    const agent_id = n % 2 ? 'coder' : 'research';
    return call<Proposed>('POST', '/api/ops/proposals', {
      kind,
      agent_id,
      title: `Made by the run as ${kind}`,
    });
  };

  const tendWork = async () => {
    const pending = await times(8, propose('content'));
    const made = await times(16, propose('analysis'));
    const asked = { worker: `fuzz-${randomUUID()}`, kinds: ['analyze'], most: 12, lease_seconds: 600 };
    const { claims } = await call<Claimed>('POST', '/api/ops/work/claim', asked);
    const failed = claims.splice(0, 5);
    for (const { claim_id, token } of failed)
      await t.request(`/api/ops/work/claims/${claim_id}/fail`, {
        method: 'POST',
        key: token,
        json: { message: 'no', final: true },
      });
    pools
      .set(
        'pending',
        pending.map(({ proposal }) => proposal.id),
      )
      .set(
        'proposal',
        made.map(({ proposal }) => proposal.id),
      )
      .set(
        'mission',
        made.map(({ mission }) => mission.mission.id),
      )
      .set(
        'step',
        made.flatMap(({ mission }) => mission.steps.map(({ id }) => id)),
      )
      .set(
        'failed-mission',
        failed.map(({ step }) => step.mission_id),
      )
      .set(
        'claim',
        claims.map(({ claim_id }) => claim_id),
      )
      .set(
        'token',
        claims.map(({ token }) => token),
      )
      .set('worker', [asked.worker]);
  };

  /** Somebody may have paused everybody, or capped it all away. */
  const tendPolicy = async () => {
    await openPolicy(t.database, ['analysis', 'task']);
    await setPolicy(t.database, 'exec_policy', { ...EXEC, enabled: true }, 'test');
  };

  const tendSettings = async () => {
    const names = Array.from({ length: NAMED }, (_, n) => `kept-${n}`);
    const schedule = { agent_id: 'coder', kind: 'analysis', title: 'By the clock', every_seconds: 3_600 };
    const webhook = { url: 'https://hooks.example/x', topics: ['problem'], links: true };
    for (const name of names) {
      // One that is there already stays as it is.
      await t.request('/api/ops/schedules', { method: 'POST', json: { name, ...schedule } });
      await call('PUT', `/api/ops/webhooks/${name}`, webhook);
    }
    const sent = await times(NAMED, (n) =>
      call<{ delivery_id: string }>('POST', `/api/ops/webhooks/kept-${n}/test`, {}),
    );
    await t.database.query(
      `update ops_deliveries set status = 'dead', ended_at = now() where status = 'waiting'`,
    );
    const links = await Promise.all(
      (pools.get('pending') ?? []).map((id) => linkOf(t.database, 'kept-0', id)),
    );
    pools
      .set('name', names)
      .set(
        'delivery',
        sent.map(({ delivery_id }) => delivery_id),
      )
      .set('link', links);
  };

  const tendKeys = async () => {
    const keys = await times(NAMED, () =>
      call<{ key_id: string }>('POST', '/api/ops/keys', { name: 'for a while', scopes: ['read'] }),
    );
    const sessions = await times(NAMED, () => call<{ token: string }>('POST', '/api/ops/session', {}));
    const codes = await times(NAMED, () => call<{ code: string }>('POST', '/api/ops/sign-in-codes', {}));
    pools
      .set(
        'key-id',
        keys.map(({ key_id }) => key_id),
      )
      .set(
        'session',
        sessions.map(({ token }) => token),
      )
      .set(
        'code',
        codes.map(({ code }) => code),
      );
  };

  const tendPages = async () => {
    const lists = ['proposals', 'missions', 'steps', 'events', 'schedules', 'files'];
    const pages = await Promise.all(
      lists.map((list) => call<{ next: string | null }>('GET', `/api/ops/${list}?limit=1`)),
    );
    await mkdir(join(workspace, 'outputs'), { recursive: true });
    await writeFile(join(workspace, 'outputs', 'result.md'), '# Result');
    pools
      .set(
        'cursor',
        pages.flatMap(({ next }) => next ?? []),
      )
      .set('asset', readdirSync(ASSETS));
  };

  return {
    async tend() {
      await tendPolicy();
      await tendWork();
      await tendSettings();
      await tendKeys();
      await tendPages();
    },
    fill: (text) =>
      text.replaceAll(REF, (_, pool: string, n: string) => {
        const texts = pools.get(pool) ?? [];
        return texts[Number(n) % Math.max(1, texts.length)] ?? 'nothing';
      }),
  };
}
