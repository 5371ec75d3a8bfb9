import { z } from 'zod';
import { ProposalInput } from '../../proposals/schema.ts';
import { Id, StoredProposal, toStoredProposal } from '../shapes.ts';
import { makeTool } from '../tool.ts';

const { kind, title, body, priority, run_at } = ProposalInput.shape;

export const propose = makeTool({
  name: 'propose',
  title: 'Propose something to be done',
  description:
    'Propose one piece of work. Policy decides at once: it is approved and begun, or it waits for a human ' +
    '(status "pending"), or it is refused with the reason (an error here; do not send it again as it is). ' +
    'What comes of it: wait_for_proposal.',
  input: z.strictObject({
    kind: kind.describe('What sort of work; show_policy lists the kinds. "analysis" is a good first guess.'),
    title: title.describe('One line that a human understands without the body. At most 200 characters.'),
    body: body.describe('The details and all material that is needed. At most 256 KiB.'),
    priority: priority.describe("Only an operator's key may set one; leave it out otherwise."),
    run_at: run_at.describe('Begin then and not at once, such as "2026-11-23T08:00:00Z".'),
    idempotency_key: z
      .string()
      .regex(/^[\x21-\x7e]{1,200}$/, '1 to 200 visible ASCII characters')
      .optional()
      .describe(
        'A name of your choice for this request. Repeated with the same name within 7 days, it gets the first answer and proposes nothing twice: give one whenever you might have to try again.',
      ),
  }),
  output: z.object({
    proposal: StoredProposal,
    mission_id: Id.nullable().describe('The mission that carries it out; null while it waits for a human.'),
    steps: z.array(z.string()).describe('The kinds of its steps, in order.'),
  }),
  reads: false,
  async run({ idempotency_key: key, ...input }, { client, agent }) {
    const answer = await client.read(
      client.api.api.ops.proposals.$post({
        header: key === undefined ? {} : { 'idempotency-key': key },
        json: { ...input, ...agent },
      }),
    );
    return {
      proposal: toStoredProposal(answer.proposal),
      mission_id: answer.mission?.mission.id ?? null,
      steps: answer.mission?.steps.map((step) => step.kind) ?? [],
    };
  },
});
