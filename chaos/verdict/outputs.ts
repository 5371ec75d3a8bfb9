import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Facts, Finding } from './facts.ts';

/** Each output of a mission is in the workspace once, whole, and nothing else is there. */
export function findWrongOutputs(workspace: string, artefacts: Facts['artefacts']): Finding[] {
  const folder = join(workspace, 'outputs');
  const there = new Set(readdirSync(folder).filter((name) => !name.startsWith('.')));
  const wrong = artefacts.flatMap(({ name, content, written }) => {
    if (!there.delete(name))
      return [`${name} was stored and is not in ${folder} (noted as written: ${written})`];
    return readFileSync(join(folder, name), 'utf8') === content
      ? []
      : [`${name} has another content than was stored`];
  });
  return [...wrong, ...[...there].map((name) => `${name} is in ${folder}, and nobody has stored it`)].map(
    (what) => ({ rule: 'outputs', what }),
  );
}
