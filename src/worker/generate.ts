import { roleOf, toOutput } from './analyze.ts';
import type { Handler } from './handler.ts';
import { materialOf } from './prompt.ts';

/** Writes the artefact that the proposal asks for, on the basis of the analysis before it. */
export const generate: Handler = {
  usesModel: true,
  slots: 2,
  async run({ brief, complete }) {
    const given = await brief();
    const { rules, material } = materialOf(given);
    const answer = await complete({
      system: `You are the writer of a team of agents${roleOf(given.agent.role)}. ${rules}`,
      prompt:
        'Write the finished text that the title and body ask for, using the outputs of the earlier steps. Give only ' +
        `the text itself, in Markdown, ready to be published.\n\n${material}`,
    });
    return { output: toOutput(answer) };
  },
};
