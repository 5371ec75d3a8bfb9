import type { Event } from '../../data/types.ts';

/** From which state to which, by whom and why, as far as the event says it. */
export function sayCause({ payload, source }: Event): string {
  const { from, to, cause } = asRecord(payload);
  const { by, reason } = asRecord(cause);
  const change = typeof to === 'string' ? `${typeof from === 'string' ? `${from} → ` : ''}${to}` : '';
  const who = typeof by === 'string' ? `by ${by}` : source === null ? '' : `by ${source}`;
  const why = typeof reason === 'string' && reason !== '' ? `: ${reason}` : '';
  return [change, who + why].filter((part) => part !== '').join(', ');
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
