import { setMaxListeners } from 'node:events';
import type { Log } from '../log.ts';
import { callModel } from './call-model.ts';
import { adviceFor, chooseTarget } from './choice.ts';
import { analyse } from './extractive.ts';
import { makeHolds } from './holds.ts';
import type { Http } from './http.ts';
import { LlmError } from './llm-error.ts';
import type { Memory } from './memory.ts';
import { startProber } from './prober.ts';
import type { Provider } from './provider.ts';
import type { LlmConfig } from './schema.ts';
import { describeStatus, type Serving } from './status.ts';
import { requestedTarget, type Target } from './target.ts';
import type { Llm, LlmAnswer, LlmRequest } from './types.ts';

export type RouterParts = {
  config: LlmConfig;
  providers: Provider[];
  /** The default and the fallback as far as the configuration names them. */
  configured: { first: Target | undefined; fallback: Target | undefined; explicit: boolean };
  memory: Memory;
  http: Http;
  log: Log;
};

/**
 * Decides who answers a request: the model it names, else the default, else what `auto` finds; then the
 * fallback, when that one cannot be had; and on a machine that never had a model, the extractive analyst.
 */
export function makeRouter({ config, providers, configured, memory, http, log }: RouterParts): Llm {
  const { mode } = config;
  const usesModels = mode !== 'none' && mode !== 'extractive';
  const names = providers.map(({ name }) => name);
  const holds = makeHolds();
  const closing = new AbortController();
  // Every call under way listens to it.
  setMaxListeners(0, closing.signal);
  let lastServing = '';

  const prober = startProber(usesModels ? providers : [], { log, onRound: afterRound });
  // The first round starts at once; only `auto` needs to wait for it.
  const ready = prober.ask();

  async function afterRound(): Promise<void> {
    const seen = configured.explicit || (usesModels && chooseTarget(providers, prober) !== undefined);
    if (usesModels && seen) await memory.remember();
    else if (mode === 'auto') await memory.seen();
    const { serving } = status();
    if (serving !== lastServing) log.info(`requests without a model are served by: ${serving}`);
    lastServing = serving;
  }

  function serving(): Serving {
    if (mode === 'none') return { target: undefined, extractive: false, advice: NO_MODELS };
    if (mode === 'extractive') return { target: undefined, extractive: true, advice: ONLY_EXTRACTS };
    const target = configured.first ?? chooseTarget(providers, prober) ?? configured.fallback;
    const extractive = target === undefined && mode === 'auto' && memory.known() === false;
    return { target, extractive, advice: adviceFor(providers, prober) };
  }
  function status() {
    return describeStatus(mode, providers, prober, serving());
  }

  /** The models to try, in order. The next one is only asked for when the one before cannot be had. */
  async function* candidates(request: LlmRequest, signal: AbortSignal): AsyncGenerator<Target> {
    const named = request.model === undefined ? configured.first : requestedTarget(request.model, names);
    if (named !== undefined) {
      yield named;
    } else {
      await unlessAborted(ready, signal);
      const chosen = chooseTarget(providers, prober);
      if (chosen !== undefined) {
        yield chosen;
        await unlessAborted(prober.ask(), signal);
        const better = chooseTarget(providers, prober);
        if (better !== undefined) yield better;
      }
    }
    if (configured.fallback !== undefined) yield configured.fallback;
  }

  async function askModels(request: LlmRequest, signal: AbortSignal): Promise<LlmAnswer> {
    const errors: LlmError[] = [];
    const tried = new Set<string>();
    for await (const target of candidates(request, signal)) {
      const provider = providers.find(({ name }) => name === target.provider);
      const key = `${target.provider}:${target.model}`;
      if (provider === undefined || tried.has(key)) continue;
      tried.add(key);
      holds.check(target.provider);
      try {
        if (errors.length > 0) log.warn(`${errors.at(-1)?.message}; trying ${key}`);
        return await callModel(provider, target.model, request, {
          config,
          signals: [signal, closing.signal],
        });
      } catch (error) {
        holds.note(target.provider, error);
        if (!(error instanceof LlmError) || !isReplaceable(error)) throw error;
        errors.push(error);
      }
      throwIfAborted(signal);
    }
    if (errors.length > 0) throw allFailed(errors);
    return withoutModel(request);
  }

  async function withoutModel(request: LlmRequest): Promise<LlmAnswer> {
    const analyst = request.model === undefined && mode === 'auto' && canExtract(request);
    if (!analyst || (await memory.seen())) throw new LlmError('unavailable', adviceFor(providers, prober));
    return analyse(request.document);
  }

  return {
    async complete(request, signal) {
      throwIfAborted(signal);
      if (closing.signal.aborted) throw new LlmError('aborted', 'The language models are closed');
      if (mode === 'none') throw new LlmError('unavailable', NO_MODELS);
      if (mode === 'extractive') {
        if (canExtract(request)) return analyse(request.document);
        throw new LlmError('unavailable', ONLY_EXTRACTS);
      }
      return askModels(request, signal);
    },
    status,
    async refresh() {
      await prober.ask();
      return status();
    },
    async close() {
      closing.abort();
      prober.close();
      await http.close();
    },
  };
}

const NO_MODELS =
  'OPSLOOP_LLM is none, so nothing is asked of a language model. Set it to auto or provider:model.';
const ONLY_EXTRACTS =
  'OPSLOOP_LLM is extractive, which serves analyze and task steps without a model only. Set it to auto or provider:model.';

type Extractable = LlmRequest & { document: { title: string; text: string } };

/** Structured output is beyond the analyst. */
function canExtract(request: LlmRequest): request is Extractable {
  return request.extractiveAllowed && request.schema === undefined && request.document !== undefined;
}

/** Whether another model may be asked instead: only when this one cannot be had and said nothing. */
function isReplaceable(error: LlmError): boolean {
  if (error.class === 'unavailable' || error.class === 'model_missing') return true;
  return error.class === 'timeout' && !error.answered;
}

/** The last error counts, but when an earlier model may come back, the caller should wait for it. */
function allFailed(errors: LlmError[]): LlmError {
  const [first] = errors;
  const last = errors.at(-1);
  if (first === undefined || last === undefined) throw new Error('no error is no failure');
  if (errors.length === 1) return first;
  const waits = first.class !== 'model_missing' && last.class === 'model_missing';
  return new LlmError(
    waits ? 'unavailable' : last.class,
    errors.map(({ message }) => message).join('; then '),
    {
      retryAfterMs: first.retryAfterMs ?? last.retryAfterMs,
      provider: first.provider,
      model: first.model,
    },
  );
}

/** Waits for what others wait for too, so giving up must not end it. */
async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  throwIfAborted(signal);
  const onAbort = { call: () => {} };
  const aborted = new Promise<void>((resolve) => {
    onAbort.call = resolve;
  });
  signal.addEventListener('abort', onAbort.call);
  await Promise.race([work, aborted]);
  signal.removeEventListener('abort', onAbort.call);
  throwIfAborted(signal);
}

function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new LlmError('aborted', 'The call was given up by its caller');
}
