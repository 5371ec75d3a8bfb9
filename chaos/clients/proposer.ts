import { sleep } from '../lib/time.ts';
import { type Answer, type Means, record } from './api.ts';

type Proposed = { proposal: { id: string } };

/** Errands are worked over HTTP; deployments wait for a decision; content ends in a file. */
const KINDS = ['analysis', 'analysis', 'analysis', 'errand', 'errand', 'content', 'deploy'] as const;
const PAUSE_MS = { least: 200, most: 500 };
/** So many proposals are sent again after they were acknowledged, twice at once. */
const REPEATED = 0.15;
const AGAIN_MS = 500;

/**
 * Proposes without end. Each proposal has a key, and is sent with it until a server says what became of it, also
 * after the load has ended: what a client does not know, it asks again.
 */
export async function runProposer(means: Means, name: string): Promise<void> {
  const { random, stopping } = means;
  for (let n = 0; !stopping.aborted; n++) {
    const key = `${name}-${n}`;
    const kind = random.pick(KINDS);
    const propose = () => proposeOnce(means, name, key, kind);
    let answer = await propose();
    while (answer.outcome === 'info') {
      await sleep(AGAIN_MS);
      answer = await propose();
    }
    if (random.next() < REPEATED) await Promise.all([propose(), propose()]);
    await sleep(PAUSE_MS.least + random.below(PAUSE_MS.most - PAUSE_MS.least), stopping);
  }
}

/** Titles are the keys, so that the tables say which request a proposal came from. */
function proposeOnce(means: Means, name: string, key: string, kind: string): Promise<Answer<Proposed>> {
  const request = {
    method: 'POST',
    path: '/api/ops/proposals',
    headers: { 'idempotency-key': key },
    body: { agent_id: 'research', kind, title: key, body: 'One fact. Another fact.' },
  };
  return record<Proposed>(means, name, 'propose', { key, kind }, request, ({ proposal }) => ({
    proposal: proposal.id,
  }));
}
