import { z } from 'zod';
import { AppError } from '../errors.ts';
import { toOutput } from './analyze.ts';
import { type Handler, StepError } from './handler.ts';
import { materialOf } from './prompt.ts';

export const Verdict = z.object({
  verdict: z.enum(['approve', 'reject']),
  reason: z.string().min(1).max(4_000),
  problems: z.array(z.string().max(1_000)).max(20),
});

/** Judges what the earlier steps produced. A negative verdict fails the mission, so that nothing is published. */
export const review: Handler = {
  usesModel: true,
  slots: 2,
  async run({ brief, complete }) {
    const given = await brief();
    const { rules, material } = materialOf(given);
    const answer = await complete({
      system: `You are the reviewer of a team of agents: strict, fair and brief. ${rules}`,
      prompt:
        'Judge whether the outputs of the earlier steps do what the title and body ask for, are true as far as the ' +
        'material shows, and can be published as they are. Give the verdict "approve" or "reject", the reason, and ' +
        `the problems found.\n\n${material}`,
      schema: Verdict,
    });
    const output = { ...toOutput(answer), ...Verdict.parse(answer.object) };
    requireApproval(output);
    return { output };
  },
  accept(output) {
    const parsed = Verdict.safeParse(output);
    if (parsed.success) return requireApproval({ ...(output as object), ...parsed.data });
    throw new AppError(
      'invalid_request',
      'body.output: a review gives {"verdict": "approve" or "reject", "reason": "…", "problems": []}.',
    );
  },
};

function requireApproval(output: z.infer<typeof Verdict>): void {
  if (output.verdict === 'approve') return;
  throw new StepError('rejected_by_review', `The review rejected it: ${output.reason}`, {
    final: true,
    output,
  });
}
