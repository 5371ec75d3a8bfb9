import { z } from 'zod';

/** What a goal is planned into. Validated, so that a plan which is none is tried again and never taken as done. */
export const MOST_TASKS = 6;

const Task = z.object({
  title: z.string().min(1).max(100),
  prompt: z.string().min(1).max(20_000),
  role: z.enum(['pm', 'research', 'coder', 'qa', 'ops']).optional(),
  strict: z.boolean().optional(),
});

export const GoalPlan = z.object({ tasks: z.array(Task).min(1).max(MOST_TASKS) });
export type GoalPlan = z.infer<typeof GoalPlan>;

/** The text of a planned task's file. */
export function taskText({ prompt, role, strict }: GoalPlan['tasks'][number]): string {
  return `${role ? `@${role}: ` : ''}${strict ? 'STRICT: ' : ''}${prompt}\n`;
}

/** The plan as people read it, in the goal's output. */
export function planText(plan: GoalPlan): string {
  const lines = plan.tasks.map(
    ({ title, role, prompt }, index) => `${index + 1}. **${title}**${role ? ` (@${role})` : ''}: ${prompt}`,
  );
  return `# Plan\n\n${lines.join('\n')}`;
}
