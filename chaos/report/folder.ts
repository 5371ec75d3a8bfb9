import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a run keeps of its stage when it fails. */
export const KEPT = ['logs', 'database', 'workspace'];
/** Only a run writes it; the other names are anybody's. */
const MARKER = '.opsloop-chaos-run';
const OURS = [...KEPT, MARKER, 'report.md', 'throughput.svg', 'history.edn'];

/**
 * Takes away what an earlier run left there, and nothing of anybody else.
 * @throws Error when the folder is neither empty nor one of a run's own
 */
export function prepareFolder(out: string, mark: string): void {
  mkdirSync(out, { recursive: true });
  const there = readdirSync(out);
  const foreign = there.filter((name) => !OURS.includes(name));
  if (foreign.length > 0) throw new Error(`--out ${out} holds ${foreign.join(', ')}; name an empty folder.`);
  if (there.length > 0 && !isMarker(join(out, MARKER)))
    throw new Error(
      `--out ${out} holds ${there.join(', ')} and no ${MARKER}, so no run made it; name an empty folder.`,
    );
  // The marker first, so that the folder stays a run's own if this one ends in the middle.
  writeFileSync(join(out, MARKER), `${mark}\n`);
  for (const name of there) if (name !== MARKER) rmSync(join(out, name), { recursive: true });
}

function isMarker(path: string): boolean {
  try {
    return /^[0-9a-f-]{36}\n$/.test(readFileSync(path, 'utf8'));
  } catch {
    return false;
  }
}
