import { randomUUID } from 'node:crypto';
import type { Database } from '../../src/db/database.ts';
import { failStep } from '../../src/engine/fail.ts';
import { makeQueue } from '../../src/engine/queue.ts';
import { releaseSteps } from '../../src/engine/release.ts';
import type { LlmCall } from '../../src/engine/schema.ts';
import { recordCalls } from '../../src/engine/tokens.ts';
import { registerWorker, renewLease } from '../../src/engine/workers.ts';
import { silentLog } from '../../src/log.ts';
import { makeFinisher } from '../../src/worker/finisher.ts';
import { storable } from '../../src/worker/output.ts';
import { makeSweeper } from '../../src/worker/sweep.ts';
import type { TestApp, TestRequest } from './app.ts';
import { claimFrom } from './loop.ts';

/** The engine as a worker sees it, whether it is of our own process or works over HTTP. */
export type PortWorker = {
  id: string;
  claim(kind: string, most: number): Promise<PortClaim[]>;
  /** Its leases ran out some time ago. */
  die(): Promise<void>;
};

export type PortClaim = {
  stepId: string;
  title: string;
  agentId: string;
  attempt: number;
  /** Why it must be stopped; null while it holds. */
  renew(): Promise<string | null>;
  complete(output: unknown, tokens?: number): Promise<'kept' | 'lost'>;
  fail(message: string, final?: boolean): Promise<{ final: boolean } | 'lost'>;
  release(): Promise<'released' | 'lost'>;
};

export type Port = { start(): Promise<PortWorker> };

/** As our own worker uses the engine. */
export function inProcess(database: Database): Port {
  return {
    async start() {
      const id = `port-${randomUUID()}`;
      await registerWorker(database, {
        workerId: id,
        host: 'h',
        pid: 1,
        version: '0',
        kinds: { analyze: 9 },
      });
      const finisher = makeFinisher(database, id, new AbortController().signal, silentLog());
      const claim = async (kind: string, most: number): Promise<PortClaim[]> => {
        const claims = await claimFrom(makeQueue(database), id, { [kind]: most });
        return claims.map((one) => ({
          stepId: one.id,
          title: one.title,
          agentId: one.agent_id,
          attempt: one.attempt,
          async renew() {
            const { lost, paused, pausedAgents } = await renewLease(database, id, [one]);
            if (lost.length > 0) return 'claim_lost';
            return paused || pausedAgents.includes(one.agent_id) ? 'paused' : null;
          },
          async complete(output, tokens) {
            const calls = tokens === undefined ? [] : [{ ...CALL, inputTokens: tokens }];
            const completion = { id: one.id, claim_id: one.claim_id, output: storable(output) };
            const end = await finisher.complete(completion, (tx) => recordCalls(tx, one, calls));
            return end === 'kept' ? 'kept' : 'lost';
          },
          async fail(message, final = false) {
            const failure = { ...one, failure: { class: 'error', message }, final, retryInMs: 60_000 };
            return (await database.transaction((tx) => failStep(tx, failure))) ?? 'lost';
          },
          async release() {
            const released = await releaseSteps(database, [one], { reason: 'released' });
            return released.size > 0 ? 'released' : 'lost';
          },
        }));
      };
      return { id, claim, die: () => letLeasesRunOut(database, id) };
    },
  };
}

const CALL: LlmCall = {
  engine: 'remote',
  provider: null,
  model: 'm',
  inputTokens: null,
  outputTokens: null,
  costUsd: null,
  firstTokenMs: null,
  loadMs: null,
  durationMs: 1,
  outcome: 'stop',
};

type Given = {
  claim_id: string;
  token: string;
  lease_expires_at: string;
  renew_every_seconds: number;
  step: { id: string; title: string; agent_id: string; kind: string; attempt: number; position: number };
  proposal: { id: string; title: string; body: string | null } | null;
  agent: { agent_id: string };
  prior: { kind: string; output: unknown }[];
};
export type WorkAnswer = {
  status: number;
  claims: Given[];
  code?: string;
  detail?: string;
  abort?: string | null;
  ended_as?: string;
  final?: boolean;
  lease_expires_at?: string | null;
  released?: number;
};

export function newWorkerName(prefix = 'test'): string {
  return `${prefix}-${randomUUID()}`;
}

/** Calls a route below /api/ops/work. */
export async function callWork(
  t: TestApp,
  path: string,
  json: unknown,
  options: TestRequest = {},
): Promise<WorkAnswer> {
  const response = await t.request(`/api/ops/work/${path}`, { method: 'POST', json, ...options });
  return { claims: [], ...((await response.json()) as object), status: response.status };
}

/** Ends or renews a claim by its token. */
export function withClaim(t: TestApp, { claim_id, token }: Given, verb: string, json: unknown = {}) {
  return callWork(t, `claims/${claim_id}/${verb}`, json, { key: token });
}

/** As a worker in another language uses the API. */
export function overHttp(t: TestApp): Port {
  return {
    async start() {
      const id = newWorkerName('port');
      const claim = async (kind: string, most: number): Promise<PortClaim[]> => {
        const asked = await callWork(t, 'claim', { worker: id, kinds: [kind], most });
        if (asked.status !== 200) throw new Error(`${asked.code}: ${asked.detail}`);
        return asked.claims.map((one) => {
          /** Sends it again while the database is away, as clients do. */
          const send = async (verb: string, body: unknown): Promise<WorkAnswer> => {
            for (;;) {
              const answer = await withClaim(t, one, verb, body);
              if (answer.status === 503) continue;
              if (answer.status === 200 || answer.code === 'claim_lost') return answer;
              throw new Error(`${answer.code}: ${answer.detail}`);
            }
          };
          return {
            stepId: one.step.id,
            title: one.step.title,
            agentId: one.step.agent_id,
            attempt: one.step.attempt,
            renew: async () => (await send('renew', {})).abort ?? null,
            async complete(output, tokens) {
              const usage = tokens === undefined ? [] : [{ model: 'm', input_tokens: tokens }];
              return (await send('complete', { output, usage })).status === 200 ? 'kept' : 'lost';
            },
            async fail(message, final = false) {
              const answer = await send('fail', { message, final });
              return answer.status === 200 ? { final: answer.final === true } : 'lost';
            },
            release: async () => ((await send('release', {})).status === 200 ? 'released' : 'lost'),
          };
        });
      };
      return { id, claim, die: () => letLeasesRunOut(t.database, id) };
    },
  };
}

async function letLeasesRunOut(database: Database, workerId: string): Promise<void> {
  for (const table of ['ops_workers', 'ops_work_claims'])
    await database.query(
      `update ${table} set renewed_at = clock_timestamp() - interval '70 s',
         lease_expires_at = clock_timestamp() - interval '40 s' where worker_id = $1`,
      [workerId],
    );
}

/** A sweep of a process that was never away. */
export function sweep(database: Database, serves = true): Promise<boolean> {
  // Long ago, so that no lease is given a fresh period.
  const watch = () => Promise.resolve({ ms: serves ? 0 : Date.now(), any_dead: true });
  return makeSweeper(database, silentLog(), { serves, watch })();
}
