import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

/** A JSON Schema as `/openapi.json` has it. */
export type Schema = {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  format?: string;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
};

export type Parameter = { name: string; in: string; required?: boolean; schema: Schema };
type Described = {
  security?: Record<string, string[]>[];
  'x-agents'?: 'own' | 'never';
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Record<string, { schema: Schema }> };
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>;
};
export type ApiDocument = {
  paths: Record<string, Record<string, Described>>;
  components: { schemas: Record<string, Schema> };
};

/** What opens an operation: nothing, any key, a key with a scope, the token of a claim, or a link that decides. */
export type Lock = { by: 'nothing' | 'key' | 'claim' | 'link'; scope: string | null; agents: boolean };

export type Operation = {
  /** Such as `POST /api/ops/proposals/{id}/approve`. */
  name: string;
  method: string;
  path: string;
  lock: Lock;
  parameters: Parameter[];
  body: { schema: Schema; required: boolean } | null;
  statuses: number[];
  /** What is wrong with an answer by what the document says of it; null: nothing. */
  problemOf(status: number, type: string, body: string): string | null;
};

/** The operations of a document, with what it says of their answers. */
export function operationsOf(document: ApiDocument): Operation[] {
  const validators = makeValidators(document);
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]): Operation => {
      const { parameters = [], requestBody, responses, security = [] } = described;
      const [[by, [scope = null]] = ['nothing', []]] = Object.entries(security[0] ?? {}) as [
        Lock['by'],
        string[],
      ][];
      const [body] = Object.values(requestBody?.content ?? {});
      return {
        name: `${method.toUpperCase()} ${path}`,
        method: method.toUpperCase(),
        path,
        lock: { by: by as Lock['by'], scope, agents: described['x-agents'] === 'own' },
        parameters,
        body: body ? { schema: body.schema, required: requestBody?.required ?? false } : null,
        statuses: Object.keys(responses).map(Number),
        problemOf: (status, type, text) => validators(responses[String(status)]?.content, type, text),
      };
    }),
  );
}

function makeValidators({ components }: ApiDocument) {
  const ajv = new Ajv2020({ strict: false, allErrors: false });
  addFormats.default(ajv);
  const compiled = new Map<Schema, ValidateFunction>();
  const open = new Set(['Problem']);
  const schemas = Object.fromEntries(
    Object.entries(components.schemas).map(([name, schema]) => [
      name,
      open.has(name) ? schema : closed(schema),
    ]),
  );
  const compile = (schema: Schema) => {
    const known = compiled.get(schema);
    if (known) return known;
    const fresh = ajv.compile({ ...closed(schema), components: { schemas } });
    compiled.set(schema, fresh);
    return fresh;
  };
  return (content: Record<string, { schema: Schema }> | undefined, type: string, text: string) => {
    if (content === undefined) return text === '' ? null : 'a body that the document does not name';
    const [plain = ''] = type.split(';');
    const declared = content[plain];
    if (!declared) return `the Content-Type ${type || '(none)'}, declared ${Object.keys(content).join(', ')}`;
    if (!plain.endsWith('json')) return null;
    const validate = compile(declared.schema);
    if (validate(JSON.parse(text))) return null;
    return `${ajv.errorsText(validate.errors)} ${JSON.stringify(validate.errors?.[0]?.params)}`;
  };
}

/** No member but those that are declared, so that nothing is told that the document does not tell of. */
function closed(schema: Schema): Schema {
  const deep = (child: Schema | undefined) => (child === undefined ? {} : closed(child));
  return {
    ...schema,
    ...(schema.properties
      ? {
          properties: Object.fromEntries(Object.entries(schema.properties).map(([k, v]) => [k, deep(v)])),
          additionalProperties: schema.additionalProperties ?? false,
        }
      : {}),
    ...(schema.items ? { items: deep(schema.items) } : {}),
    ...(schema.anyOf ? { anyOf: schema.anyOf.map(deep) } : {}),
  };
}
