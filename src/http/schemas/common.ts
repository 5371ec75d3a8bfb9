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
export const NameParam = strict({ name: Name });

/** A query member that is an id. */
export const IdFilter = Id.optional();
export const NameFilter = Name.optional();

/** Whatever names a thing of any kind. */
const VisibleText = z.string().regex(/^[\x21-\x7e]{1,200}$/, '1 to 200 visible ASCII characters');
export const EntityFilter = VisibleText.optional();
export const WorkerFilter = VisibleText.optional().openapi({
  description: 'Steps that this worker works, or was the last to work.',
});

/** A query member that is on or off. */
export const Flag = z
  .enum(['true', 'false'])
  .optional()
  .transform((text) => text === 'true');

/** Leaves out of a list what is large. */
export function slimWithout(what: string) {
  return Flag.openapi({
    type: 'boolean',
    default: false,
    description: `Without ${what}, which are null then.`,
  });
}

/** A search in a list. */
export const Search = z
  .string()
  .min(1)
  .max(100)
  .refine((text) => !/\p{Cc}/u.test(text), 'must be without control characters')
  .optional()
  .openapi({ description: 'A part of the title, in whatever case; or an id, which finds that one.' });
/** Said of every list that can be searched. */
export const SEARCH_NOTE =
  'A search looks at 5,000 rows for a page, so a page can be short or empty and still have a next one.';

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
