import type { LlmAnswer } from '../llm/llm.ts';
import type { Handler } from './handler.ts';
import { materialOf, textOf } from './prompt.ts';

/** Answers, researches or analyses what the proposal says. */
export const analyze: Handler = {
  usesModel: true,
  slots: 2,
  async run({ brief, complete }) {
    const given = await brief();
    const { rules, material } = materialOf(given);
    const { title, body } = given.proposal;
    const answer = await complete({
      system: `You are the analyst of a team of agents${roleOf(given.agent.role)}. ${rules}`,
      prompt:
        'Do what the title asks for, on the basis of the body. Give the result first, in Markdown, then a short ' +
        `list of how it can be checked. Say plainly what you do not know.\n\n${material}`,
      document: {
        title,
        text: [body ?? '', ...given.prior.map((one) => textOf(one.output))].join('\n\n').trim(),
      },
    });
    return { output: toOutput(answer) };
  },
};

/** What every model step stores: the text, and what produced it. */
export function toOutput(answer: LlmAnswer): Record<string, unknown> {
  return {
    text: answer.text,
    engine: answer.engine,
    llm: answer.llm,
    provider: answer.provider,
    model: answer.model,
    usage: { input_tokens: answer.usage.inputTokens, output_tokens: answer.usage.outputTokens },
    duration_ms: Math.round(answer.timings.totalMs),
  };
}

export function roleOf(role: string | null): string {
  return role ? `, in the role "${role}"` : '';
}
