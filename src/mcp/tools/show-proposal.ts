import { z } from 'zod';
import { Id } from '../shapes.ts';
import { readProposal, ShownProposal, USUAL_CHARS } from '../shown.ts';
import { makeTool } from '../tool.ts';

export const showProposal = makeTool({
  name: 'show_proposal',
  title: 'Show one of your proposals',
  description:
    'One of your own proposals with its mission, the steps with their outputs, and what moves it next and by whom.',
  input: z.strictObject({
    id: Id.describe("The proposal's id."),
    max_chars: z
      .number()
      .int()
      .min(0)
      .max(300_000)
      .default(USUAL_CHARS)
      .describe('How much of the body and of each output is given; the rest is cut off, and it says so.'),
  }),
  output: ShownProposal,
  reads: true,
  run: ({ id, max_chars: maxChars }, { client }) => readProposal(client, id, maxChars),
});
