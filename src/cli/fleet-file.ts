import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { isNode, LineCounter, parseDocument, stringify } from 'yaml';
import { AppError } from '../errors.ts';
import { Fleet } from '../fleet/schema.ts';
import { findPrototypeKey } from '../lib/storable.ts';

/** A file with an installation, and where in it things stand. */
export type FleetFile = {
  fleet: Fleet;
  /** `fleet.yaml:12:3` for the thing at this path, or for the nearest thing above it. */
  placeOf(path: readonly PropertyKey[]): string;
};

/** @throws AppError usage, naming each line that is wrong */
export async function readFleetFile(path: string): Promise<FleetFile> {
  const reading = path === '-' ? readAll(process.stdin) : readFile(path, 'utf8');
  const text = await reading.catch((error: unknown) => {
    throw new AppError('usage', `${path} cannot be read: ${String(error)}`);
  });
  return parseFleet(text, path);
}

export function parseFleet(text: string, file: string): FleetFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const placeOf = (path: readonly PropertyKey[]): string => {
    for (let length = path.length; length >= 0; length--) {
      const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return at(node.range[0]);
    }
    return `${file}:1:1`;
  };
  const wrong = document.errors.map(({ message, pos }) => `${at(pos[0])}: ${message}`);
  if (wrong.length > 0) throw refused(wrong);
  const value = toValue(document, file);
  const trapdoor = findPrototypeKey(value);
  if (trapdoor)
    throw refused([`${placeOf(trapdoor)}: ${trapdoor.join('.')}: this is no name that can be kept`]);
  const parsed = Fleet.safeParse(value);
  if (parsed.success) return { fleet: parsed.data, placeOf };
  throw refused(
    parsed.error.issues.map(
      ({ path, message }) => `${placeOf(path)}: ${path.join('.') || 'the file'}: ${message}`,
    ),
  );
}

function toValue(document: ReturnType<typeof parseDocument>, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (error) {
    throw refused([`${file}: ${(error as Error).message}`]);
  }
}

function refused(lines: string[]): AppError {
  return new AppError('usage', lines.join('\n'));
}

export function writeFleet(fleet: unknown): string {
  return stringify(fleet, { lineWidth: 110 });
}
