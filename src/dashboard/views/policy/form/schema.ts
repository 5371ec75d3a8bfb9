import type { ReactNode } from 'react';

/** What the form reads of a JSON Schema: the few shapes that values of the policy have. */
export type Shape =
  | { is: 'boolean' }
  | { is: 'number'; min: number | undefined; max: number | undefined; whole: boolean }
  | { is: 'text' }
  | { is: 'words' }
  | { is: 'object'; members: { name: string; required: boolean; schema: Schema }[] }
  | { is: 'record'; each: Schema }
  | { is: 'nullable'; inner: Schema }
  | { is: 'other' };

export type Schema = { shape: Shape; description: string };

export type FieldProps = { schema: Schema; name: string; value: unknown; onChange: (value: unknown) => void };

/** Draws a value of any shape; the fields that hold others get it, since it draws them as well. */
export type FieldOf = (props: FieldProps) => ReactNode;

type JsonSchema = {
  type?: string;
  description?: string;
  minimum?: number;
  maximum?: number;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: JsonSchema | boolean;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
};

export function readSchema(given: Record<string, unknown>): Schema {
  return toSchema(given);
}

function toSchema(given: JsonSchema): Schema {
  return { shape: shapeOf(given), description: given.description ?? '' };
}

function shapeOf(given: JsonSchema): Shape {
  const {
    type,
    minimum: min,
    maximum: max,
    properties,
    required = [],
    additionalProperties,
    items,
    anyOf,
  } = given;
  if (type === 'boolean') return { is: 'boolean' };
  if (type === 'number' || type === 'integer') return { is: 'number', min, max, whole: type === 'integer' };
  if (type === 'string') return { is: 'text' };
  if (type === 'array' && items?.type === 'string') return { is: 'words' };
  if (type === 'object' && properties) {
    const members = Object.entries(properties).map(([name, member]) => ({
      name,
      required: required.includes(name),
      schema: toSchema(member),
    }));
    return { is: 'object', members };
  }
  if (type === 'object' && typeof additionalProperties === 'object')
    return { is: 'record', each: toSchema(additionalProperties) };
  const inner = anyOf?.find((one) => one.type !== 'null');
  if (inner && anyOf?.length === 2 && anyOf.some((one) => one.type === 'null'))
    return { is: 'nullable', inner: toSchema(inner) };
  return { is: 'other' };
}

/** What a new member begins with. */
export function emptyValue({ shape }: Schema): unknown {
  switch (shape.is) {
    case 'boolean':
      return false;
    case 'number':
      return shape.min ?? 0;
    case 'text':
      return '';
    case 'words':
      return [];
    case 'object':
      return Object.fromEntries(
        shape.members
          .filter(({ required }) => required)
          .map(({ name, schema }) => [name, emptyValue(schema)]),
      );
    case 'record':
      return {};
    case 'nullable':
    case 'other':
    default:
      return null;
  }
}
