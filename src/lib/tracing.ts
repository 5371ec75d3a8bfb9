import {
  type Attributes,
  type AttributeValue,
  context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';

/**
 * Traces by the API of OpenTelemetry alone: without an SDK, which the user loads (`node --import`), all of this does
 * nothing. Names follow the GenAI conventions, which are still in development: they stand here and nowhere else.
 */
export type SpanFacts = Record<string, AttributeValue | null | undefined>;

export type Traced = {
  /** Facts that are known later; unknown ones are left out. */
  note(facts: SpanFacts): void;
  /** Where in the trace this is, for whoever goes on with it; null when nothing is traced. */
  traceparent(): string | null;
};

export type SpanOptions = {
  kind: 'internal' | 'client' | 'consumer';
  facts: SpanFacts;
  /** A traceparent to go on from; absent: whatever span is active. */
  parent?: string | null | undefined;
};

const KINDS = { internal: SpanKind.INTERNAL, client: SpanKind.CLIENT, consumer: SpanKind.CONSUMER };
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** Does the work in a span that ends with it, and tells of its failure. */
export function inSpan<T>(
  name: string,
  { kind, facts, parent }: SpanOptions,
  work: (traced: Traced) => Promise<T>,
): Promise<T> {
  const remote = parent ? parseTraceparent(parent) : null;
  const from = remote ? trace.setSpanContext(ROOT_CONTEXT, remote) : context.active();
  const options = { kind: KINDS[kind], attributes: known(facts) };
  return trace.getTracer('opsloop').startActiveSpan(name, options, from, async (span) => {
    try {
      return await work({
        note: (later) => void span.setAttributes(known(later)),
        traceparent: () => formatTraceparent(span),
      });
    } catch (error) {
      fail(span, error);
      throw error;
    } finally {
      span.end();
    }
  });
}

/** The message can hold what a stranger wrote, so only the class of a failure is told. */
function fail(span: Span, error: unknown): void {
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.setAttribute('error.type', classOf(error));
}

function classOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '_OTHER';
  if ('class' in error && typeof error.class === 'string') return error.class;
  return error instanceof Error ? error.name : '_OTHER';
}

function known(facts: SpanFacts): Attributes {
  return Object.fromEntries(
    Object.entries(facts).filter(([, value]) => value !== null && value !== undefined),
  ) as Attributes;
}

/** Null for what is no traceparent, as the standard says: a broken one is as good as none. */
export function parseTraceparent(text: string): SpanContext | null {
  const [, traceId = '', spanId = '', flags = ''] = TRACEPARENT.exec(text) ?? [];
  const found = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
  return isSpanContextValid(found) ? found : null;
}

function formatTraceparent(span: Span): string | null {
  const { traceId, spanId, traceFlags } = span.spanContext();
  if (!isSpanContextValid(span.spanContext())) return null;
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}
