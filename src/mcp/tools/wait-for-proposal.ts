import { z } from 'zod';
import type { Client } from '../../client.ts';
import { AppError } from '../../errors.ts';
import { messagesOf } from '../../event-stream.ts';
import { Id } from '../shapes.ts';
import { readProposal, ShownProposal } from '../shown.ts';
import { makeTool } from '../tool.ts';

/** Clients give a call 20 to 60 s, and some begin anew with each word of progress. */
const MOST_SECONDS = 50;
const PROGRESS_EVERY_MS = 5_000;

export const waitForProposal = makeTool({
  name: 'wait_for_proposal',
  title: 'Wait for one of your proposals',
  description:
    'Waits until a proposal has ended (or is decided), at most the given seconds, and shows it with its outputs. ' +
    'With "done": false it goes on by itself, and you can call this again.',
  input: z.strictObject({
    id: Id.describe("The proposal's id."),
    until: z
      .enum(['ended', 'decided'])
      .default('ended')
      .describe('ended: its work is over, or it was rejected. decided: it no longer waits for a decision.'),
    seconds: z.number().int().min(0).max(MOST_SECONDS).default(15).describe('How long to wait at most.'),
  }),
  output: z.object({
    done: z.boolean().describe('Whether what was waited for has happened.'),
    ...ShownProposal.shape,
  }),
  reads: true,
  async run({ id, until, seconds }, { client, signal, progress }) {
    const { ops } = client.api.api;
    const isDone = (status: string) =>
      until === 'decided' ? status !== 'pending' : status === 'rejected' || status === 'completed';
    const look = async () => {
      const { proposal } = await client.read(ops.proposals[':id'].$get({ param: { id } }));
      return isDone(proposal.status);
    };
    const began = performance.now();
    const say = (message: string) => progress((performance.now() - began) / 1000, seconds, message);
    const saying = setInterval(() => say('still waiting'), PROGRESS_EVERY_MS);
    const enough = new AbortController();
    const stop = () => enough.abort();
    const ending = setTimeout(stop, seconds * 1000);
    signal.addEventListener('abort', stop);
    try {
      // Where the log ends before the proposal is read: what changes it later stands behind.
      const { seq } = await client.read(ops.session.$get());
      if (!(await look())) {
        for await (const kind of changesOf(client, id, seq, enough.signal)) {
          say(kind);
          if (kind.startsWith('proposal.') && (await look())) break;
        }
      }
    } finally {
      clearInterval(saying);
      clearTimeout(ending);
      signal.removeEventListener('abort', stop);
    }
    signal.throwIfAborted();
    // Also after a stream that broke off, as when the server stops: this says how things stand, or that it is gone.
    const shown = await readProposal(client, id);
    return { done: isDone(shown.proposal.status), ...shown };
  },
});

/** The kinds of the events of a proposal as they happen, until the signal aborts or the stream breaks off. */
async function* changesOf(
  client: Client,
  id: string,
  afterSeq: number,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const query = new URLSearchParams({ proposal_id: id, after: String(afterSeq) });
  try {
    const response = await client.fetch(`/api/ops/events/stream?${query.toString()}`, { signal });
    for await (const { event, data } of messagesOf(response))
      if (event === 'event') yield (JSON.parse(data) as { kind: string }).kind;
  } catch (error) {
    // What the server refuses is for the caller; an end of the waiting or of the connection is not.
    if (error instanceof AppError && !signal.aborted) throw error;
  }
}
