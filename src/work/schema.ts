import type { Brief } from '../engine/brief.ts';
import type { Claim, LlmCall } from '../engine/schema.ts';
import type { Caller } from '../keys/schema.ts';

/** What a worker over HTTP asks for. */
export type ClaimRequest = {
  caller: Caller;
  /** Named by the client for one boot; ends in a uuid. */
  worker: string;
  version: string;
  kinds: string[];
  most: number;
  waitMs: number;
  leaseMs: number;
  /** Aborts when the client is gone: what was claimed for it is given back. */
  gone: AbortSignal;
  /** Aborts when the server stops: nothing more is claimed, and whoever waits is answered. */
  closing: AbortSignal;
};

/** A claim as a worker over HTTP gets it: all that is needed to work the step and to end it. */
export type GivenClaim = {
  claim_id: string;
  token: string;
  lease_expires_at: Date;
  renew_every_seconds: number;
  step: Omit<Claim, 'claim_id' | 'queue_no'>;
  proposal: Brief['proposal'] | null;
  agent: Brief['agent'];
  prior: Brief['prior'];
};

/** Each with what the model calls of the attempt cost. */
export type Completion = { output: unknown; calls: LlmCall[] };
export type Failing = { class: string; message: string; final: boolean; output: unknown; calls: LlmCall[] };
export type Releasing = {
  retryInMs: number;
  reason: string;
  message: string | undefined;
  calls: LlmCall[];
};

/** How an attempt has ended. */
export type Ended =
  | { ended_as: 'completed' }
  | { ended_as: 'failed'; final: boolean }
  | { ended_as: 'released' };
