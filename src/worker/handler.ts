import type { Db } from '../db/database.ts';
import type { Brief } from '../engine/brief.ts';
import type { Claim, LlmCall } from '../engine/schema.ts';
import type { LlmAnswer, LlmRequest } from '../llm/llm.ts';

/** What a handler can use while it works one attempt of a step. */
export type StepContext = {
  step: Claim;
  /** Aborts when the claim is lost, in a pause, and at shutdown. */
  signal: AbortSignal;
  /** The proposal, its agent and the outputs of earlier steps. Read when asked for. */
  brief(): Promise<Brief>;
  /**
   * Called by a `once` handler right before what must not happen twice. Until then the step can be given back;
   * from then on every end but a completion is a failure for good, its outcome unknown.
   * @throws StepError when the claim does not hold any more
   */
  begin(): Promise<void>;
  /** Calls the model that serves this step's agent; what it costs is kept with the attempt. */
  complete(request: Omit<LlmRequest, 'model' | 'extractiveAllowed'>): Promise<LlmAnswer>;
};

export type StepResult = {
  /** Stored as JSON in `ops_steps.output`, if the claim still holds. */
  output: unknown;
  /** Writes that belong to the completion: they happen in its transaction, or not at all. */
  alongside?: (tx: Db) => Promise<void>;
};

/** Works one kind of step. It may run more than once for a step, so what it does outside must bear that. */
export type Handler = {
  /** Steps that call a model wait while none serves, and count against token caps. */
  usesModel: boolean;
  /** How many of this kind one worker process works at a time, unless configured. */
  slots: number;
  /** What it does outside must not happen twice; see `begin`. A pause does not stop it. */
  once?: boolean;
  /** Whether this process can work it right now; always, unless it says so. */
  available?(): boolean;
  /**
   * Looks at an output that came from elsewhere as `run` does at its own.
   * @throws StepError with which the attempt fails; AppError invalid_request for what is no result of this kind
   */
  accept?(output: unknown): void;
  run(context: StepContext): Promise<StepResult>;
};

export type Handlers = Record<string, Handler>;

/** A failure that a handler names itself. */
export class StepError extends Error {
  override readonly name = 'StepError';
  readonly class: string;
  /** No further attempt can help. */
  readonly final: boolean;
  /** Kept with the failure. */
  readonly output: unknown;

  constructor(failureClass: string, message: string, options: { final?: boolean; output?: unknown } = {}) {
    super(message);
    this.class = failureClass;
    this.final = options.final ?? false;
    this.output = options.output;
  }
}

export type { LlmCall };
