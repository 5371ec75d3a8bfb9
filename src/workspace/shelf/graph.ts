import { createHash } from 'node:crypto';
import type { Listed } from './listing.ts';

const ROLES = ['pm', 'research', 'coder', 'qa', 'ops', 'misc'];
const MOST_OUTPUTS = 120;
const MOST_LABEL = 34;

export type Graph = {
  nodes: ({ id: string; label: string; kind: string } & Record<string, unknown>)[];
  edges: { from: string; to: string; kind: string }[];
  ts: number;
};

/** The newest outputs as the older dashboard drew them: agent, roles, and what each role produced. */
export function drawGraph(outputs: Listed[]): Graph {
  const files = outputs.slice(0, MOST_OUTPUTS);
  const idOf = (name: string) => createHash('sha1').update(name).digest('hex').slice(0, 12);
  const agent = idOf('agent:openclaw');
  const role = (name: string) => idOf(`role:${name}`);
  const graph: Graph = {
    nodes: [
      { id: agent, label: 'openclaw', kind: 'agent' },
      ...ROLES.map((name) => ({ id: role(name), label: name, kind: 'role' })),
    ],
    edges: [
      { from: agent, to: role('pm'), kind: 'manages' },
      ...ROLES.slice(1).map((name, i) => ({ from: role(ROLES[i] ?? ''), to: role(name), kind: 'handoff' })),
    ],
    ts: Math.floor(Date.now() / 1000),
  };
  const lastOf = new Map<string, string>();
  for (const { name, size, mtime } of files.toReversed()) {
    const whose = roleOf(name);
    const id = idOf(`output:${name}`);
    graph.nodes.push({
      id,
      label: name.slice(0, MOST_LABEL),
      kind: 'output',
      state: 'done',
      size,
      mtime,
      role: whose,
    });
    graph.edges.push({ from: role(whose), to: id, kind: 'produces' });
    const before = lastOf.get(whose);
    if (before !== undefined) graph.edges.push({ from: before, to: id, kind: 'next' });
    lastOf.set(whose, id);
  }
  return graph;
}

/** `<role>_…__<time>.md` says whose it is. */
function roleOf(name: string): string {
  const prefix = name.split('_')[0] ?? '';
  return ROLES.includes(prefix) ? prefix : 'misc';
}
