import { LlmError } from './llm-error.ts';
import type { LlmTimeouts } from './schema.ts';

/**
 * One clock for a whole call: how long until the first token, how long between two tokens, and how long
 * in all. Its signal closes the connection; its error says why.
 */
export type Deadlines = {
  signal: AbortSignal;
  /** The model said something. */
  progress(): void;
  /** Another request follows within the same call. */
  expectFirstToken(): void;
  /** Ends the call for a reason of our own. */
  fail(error: LlmError): void;
  /** Why the call was ended, if it was. */
  error(): LlmError | undefined;
  stop(): void;
};

/** Whichever of the outer signals comes first gives the call up. */
export function startDeadlines(timeouts: LlmTimeouts, outer: AbortSignal[]): Deadlines {
  const controller = new AbortController();
  let failure: LlmError | undefined;
  let answered = false;
  let speaking = false;

  function fail(error: LlmError): void {
    if (failure !== undefined) return;
    failure = error.with({ answered });
    clear();
    controller.abort(failure);
  }
  function timeOut(message: string): void {
    fail(new LlmError('timeout', message));
  }
  const onAbort = () => fail(new LlmError('aborted', 'The call was given up by its caller'));
  const onSilence = () => timeOut(`The model was silent for ${seconds(timeouts.idleMs)}`);
  const onNoToken = () => timeOut(`No token within ${seconds(timeouts.firstTokenMs)}`);

  const whole = setTimeout(() => timeOut(`No end within ${seconds(timeouts.totalMs)}`), timeouts.totalMs);
  let phase = setTimeout(onNoToken, timeouts.firstTokenMs);
  for (const signal of outer) signal.addEventListener('abort', onAbort);
  if (outer.some((signal) => signal.aborted)) onAbort();

  function clear(): void {
    clearTimeout(whole);
    clearTimeout(phase);
    for (const signal of outer) signal.removeEventListener('abort', onAbort);
  }
  function enter(nowSpeaking: boolean): void {
    if (failure !== undefined) return;
    speaking = nowSpeaking;
    clearTimeout(phase);
    phase = speaking ? setTimeout(onSilence, timeouts.idleMs) : setTimeout(onNoToken, timeouts.firstTokenMs);
  }

  return {
    signal: controller.signal,
    progress() {
      answered = true;
      if (!speaking) enter(true);
      else if (failure === undefined) phase.refresh();
    },
    expectFirstToken: () => enter(false),
    fail,
    error: () => failure,
    stop: clear,
  };
}

function seconds(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${Math.round(ms / 1000)} s`;
}
