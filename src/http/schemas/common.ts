import { z } from '@hono/zod-openapi';
import { Name } from '../../lib/name.ts';
import { strict } from '../refuse-invalid.ts';

export const Time = z.iso.datetime();
export const Next = z
  .string()
  .nullable()
  .openapi({ description: 'The cursor of the next page; null when this is the last one.' });

const Id = z.uuid();
export const IdParam = strict({ id: Id });
export const AgentParam = strict({ agent_id: Name });

/** A query member that is an id. */
export const IdFilter = Id.optional();
export const NameFilter = Name.optional();

/** An answer of JSON. */
export function json<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { description, content: { 'application/json': { schema } } };
}

/** A body of JSON that must be there. */
export function body<Schema extends z.ZodType>(schema: Schema) {
  return { required: true as const, content: { 'application/json': { schema } } };
}

/** A body of JSON that can be left out. */
export function optionalBody<Schema extends z.ZodType>(schema: Schema) {
  return { required: false as const, content: { 'application/json': { schema } } };
}
