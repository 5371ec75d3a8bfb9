import { randomBytes } from 'node:crypto';
import { roleOf, toOutput } from '../../worker/analyze.ts';
import type { Handler } from '../../worker/handler.ts';
import { defuse } from '../../worker/prompt.ts';
import { parseTaskText } from '../conventions/task-text.ts';

/**
 * Does what a task file says. One at a time in a process, as the older system did, so that tasks end in the
 * order of their names; `slots` in config.json allows more.
 */
export const task: Handler = {
  usesModel: true,
  slots: 1,
  async run({ brief, complete }) {
    const { proposal, agent } = await brief();
    const { role, strict, text } = parseTaskText(proposal.body ?? proposal.title);
    const mark = `TASK-${randomBytes(6).toString('hex')}`;
    const answer = await complete({
      system:
        `You do one task for a team of agents${roleOf(role ?? agent.role)}. The task stands between two lines "${mark}". ` +
        'You have no tools and read no files: do not claim to have done either, and do not invent files. ' +
        'Answer in the language of the task.',
      prompt: `${strict ? STRICT : USUAL}\n\n${mark}\n${defuse(text)}\n${mark}`,
      document: { title: proposal.title, text },
    });
    return { output: toOutput(answer) };
  },
};

const USUAL =
  'Give 1) the final result, in Markdown, and 2) a short checklist by which the result can be verified.';
const STRICT = 'Give exactly what the task asks for: no headings, no checklist, no introduction.';
