import { textOf } from '../../worker/prompt.ts';
import { uuid7 } from '../../lib/uuid7.ts';
import { outputName, sanitiseName } from '../conventions/names.ts';
import { GoalPlan, MOST_TASKS, planText, taskText } from '../conventions/goal-plan.ts';
import { MOST_NEXT, parseNextLines } from '../conventions/next-lines.ts';
import type { NewPlanned } from '../file-queries.ts';
import type { Attention } from '../file-read-queries.ts';
import { digestOf } from '../inbox/take.ts';

/** What a task's answer says, and the tasks it asks for. */
export type Answer = {
  text: string;
  asks: { name: string; text: string }[];
  inOrder: boolean;
  dropped: string[];
};

/**
 * Reads the output of the last step. A plan becomes its tasks, in order; an answer of a language model can name
 * more tasks. What the extractive analyst or a command wrote is never read for them.
 */
export function readAnswer(file: Pick<Attention, 'form' | 'name'>, output: unknown, at: Date): Answer {
  if (file.form === 'goal') {
    const plan = GoalPlan.safeParse((output as { plan?: unknown } | null)?.plan);
    if (plan.success) return answerOfPlan(plan.data, at);
  }
  const text = textOf(output);
  const isModel = (output as { llm?: unknown } | null)?.llm === true;
  if (!isModel || file.form === 'exec') return { text, asks: [], inOrder: false, dropped: [] };
  const { tasks, asked } = parseNextLines(text);
  return {
    text,
    asks: tasks.map(({ name, body }) => ({ name: sanitiseName(name), text: `${body}\n` })),
    inOrder: false,
    dropped: asked > MOST_NEXT ? [`${asked - MOST_NEXT} NEXT lines beyond the first ${MOST_NEXT}`] : [],
  };
}

function answerOfPlan(plan: GoalPlan, at: Date): Answer {
  return {
    text: planText(plan),
    asks: plan.tasks.slice(0, MOST_TASKS).map((task, index) => ({
      // As the older conductor named them: `<id>_<title>__<time>.txt`.
      name: sanitiseName(outputName(`${index + 1}_${task.title}`.slice(0, 80), at).replace(/\.md$/, '')),
      text: taskText(task),
    })),
    inOrder: true,
    dropped: [],
  };
}

/** The rows of new tasks, as many as the chain may still have. */
export function planFollowUps(
  answer: Answer,
  names: string[],
  form: (name: string, text: string) => NewPlanned['form'],
): NewPlanned[] {
  const rows: NewPlanned[] = [];
  for (const [index, { text }] of answer.asks.entries()) {
    const name = names[index];
    if (name === undefined) break;
    const after = answer.inOrder ? (rows.at(-1)?.id ?? null) : null;
    rows.push({
      id: uuid7(),
      name,
      form: form(name, text),
      digest: digestOf(text),
      content: text,
      after_id: after,
    });
  }
  return rows;
}
