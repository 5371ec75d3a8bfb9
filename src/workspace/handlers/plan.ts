import { randomBytes } from 'node:crypto';
import { toOutput } from '../../worker/analyze.ts';
import type { Handler } from '../../worker/handler.ts';
import { AppError } from '../../errors.ts';
import { defuse } from '../../worker/prompt.ts';
import { GoalPlan, MOST_TASKS, planText } from '../conventions/goal-plan.ts';

/** Plans a goal into tasks. A plan that is none is an invalid answer: tried again, then failed, never done. */
export const plan: Handler = {
  usesModel: true,
  slots: 1,
  async run({ brief, complete }) {
    const { proposal } = await brief();
    const mark = `GOAL-${randomBytes(6).toString('hex')}`;
    const answer = await complete({
      system: `You plan goals for a team of agents. The goal stands between two lines "${mark}".`,
      prompt:
        `Split the goal into 1 to ${MOST_TASKS} tasks that are worked one after the other. Each has a short title, a prompt ` +
        'that says all that is needed to do it (whoever does it sees nothing else), optionally a role (pm, research, ' +
        `coder, qa, ops), and strict: true where exactly the asked text is wanted.\n\n${mark}\n${defuse(proposal.body ?? proposal.title)}\n${mark}`,
      schema: GoalPlan,
    });
    const parsed = GoalPlan.parse(answer.object);
    return { output: { ...toOutput(answer), text: planText(parsed), plan: parsed } };
  },
  accept(output) {
    if (GoalPlan.safeParse((output as { plan?: unknown } | null)?.plan).success) return;
    const what = `"plan" with 1 to ${MOST_TASKS} tasks: {"text": "…", "plan": {"tasks": [{"title": "…", "prompt": "…"}]}}`;
    throw new AppError('invalid_request', `body.output: a plan gives ${what}.`);
  },
};
