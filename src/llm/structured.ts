import { z } from 'zod';
import { cleanJson } from '../lib/clean-text.ts';

const QUOTED_ANSWER = 8 * 1024;

export type JsonSchema = z.core.JSONSchema.BaseSchema;
export type Parsed = { ok: true; object: unknown } | { ok: false; problem: string };

export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    target: 'draft-7',
    io: 'input',
    unrepresentable: 'any',
  });
  return json;
}

/** Servers that cannot enforce a schema at least show it to the model. */
export function askForJson(system: string, schema: JsonSchema): string {
  const rule = `Answer with one JSON value and nothing else. It must match this JSON schema:\n${JSON.stringify(schema)}`;
  return system === '' ? rule : `${system}\n\n${rule}`;
}

/** Finds the JSON value in an answer and checks it. Never throws. */
export async function parseAnswer(text: string, schema: z.ZodType): Promise<Parsed> {
  try {
    const json = parseJson(text);
    if (json === undefined) return { ok: false, problem: 'it is not JSON' };
    const checked = await schema.safeParseAsync(cleanJson(json.value));
    if (checked.success) return { ok: true, object: checked.data };
    return { ok: false, problem: z.prettifyError(checked.error) };
  } catch {
    return { ok: false, problem: 'it is nested too deeply' };
  }
}

/** What to tell the model after an answer that was not valid. */
export function repairMessages(answer: string, problem: string) {
  return [
    { role: 'assistant' as const, content: answer.slice(0, QUOTED_ANSWER) },
    {
      role: 'user' as const,
      content: `That answer is not valid: ${problem}\nAnswer again, with the corrected JSON value only.`,
    },
  ];
}

/** The whole answer, or what stands in a code fence, or between the outermost brackets. */
function parseJson(text: string): { value: unknown } | undefined {
  const fenced = /```(?:json)?\s*\n([\s\S]*?)```/i.exec(text)?.[1];
  const start = text.search(/[{[]/);
  const end = Math.max(text.lastIndexOf('}'), text.lastIndexOf(']'));
  const candidates = [text, fenced, start === -1 ? undefined : text.slice(start, end + 1)];
  for (const candidate of candidates) {
    try {
      if (candidate !== undefined) return { value: JSON.parse(candidate) };
    } catch {
      // The next candidate may be it.
    }
  }
  return undefined;
}
