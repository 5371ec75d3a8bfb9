import { isDeepStrictEqual } from 'node:util';
import type { KeyRow } from '../keys/schema.ts';
import type { Fleet, FleetChange, FleetSection } from './schema.ts';

type Things = Record<string, unknown>;

/** What is different between two states of an installation, and which keys are new. */
export function diffFleets(
  before: Omit<Fleet, 'keys'>,
  after: Omit<Fleet, 'keys'>,
  keys: { name: string; row: KeyRow }[],
): FleetChange[] {
  const sections = ['agents', 'policy', 'schedules', 'webhooks'] as const;
  return [
    ...sections.flatMap((section) => diffSection(section, before[section] ?? {}, after[section] ?? {})),
    ...keys.map(({ name, row }): FleetChange => {
      const { scopes, agent_id, kinds, expires_at } = row;
      const facts = { scopes, agent: agent_id, kinds, expires_at: expires_at?.toISOString() ?? null };
      return { section: 'keys', name, action: 'created', members: members({}, facts) };
    }),
  ];
}

function diffSection(section: FleetSection, before: Things, after: Things): FleetChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name): FleetChange[] => {
    const [from, to] = [own(before, name), own(after, name)];
    if (isDeepStrictEqual(from, to)) return [];
    const action = from === undefined ? 'created' : to === undefined ? 'removed' : 'changed';
    return [{ section, name, action, members: action === 'removed' ? [] : members(from, to) }];
  });
}

/** What of a thing is different, by member; a thing without members is one. */
function members(from: unknown, to: unknown): FleetChange['members'] {
  if (!isObject(from ?? {}) || !isObject(to ?? {})) return [{ name: '', from, to }];
  const [old, now] = [(from ?? {}) as Things, (to ?? {}) as Things];
  return [...new Set([...Object.keys(old), ...Object.keys(now)])]
    .map((name) => ({ name, from: own(old, name) ?? null, to: own(now, name) ?? null }))
    .filter(({ from: was, to: is }) => !isDeepStrictEqual(was, is));
}

/** Not what every object has: a name can be `constructor`. */
function own(things: Things, name: string): unknown {
  return Object.hasOwn(things, name) ? things[name] : undefined;
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
