import { insertArtefact } from '../engine/artefacts.ts';
import { type Handler, StepError } from './handler.ts';
import { textOf } from './prompt.ts';

const SOURCES = ['generate', 'analyze'];

/**
 * Stores the artefact with its completion. Its name is fixed in that transaction; the workspace's owner then
 * writes the file once.
 */
export const publish: Handler = {
  usesModel: false,
  slots: 4,
  async run({ step, brief }) {
    const { proposal, prior } = await brief();
    const source = SOURCES.map((kind) => prior.findLast((one) => one.kind === kind)).find(
      (one) => one !== undefined,
    );
    const content = source ? textOf(source.output) : '';
    if (content.trim() === '') {
      throw new StepError('nothing_to_publish', 'No earlier step produced a text to publish.', {
        final: true,
      });
    }
    const name = artefactName(proposal.title, new Date(), step.id);
    return {
      output: { artefact: name, from_step: source?.kind, bytes: Buffer.byteLength(content) },
      alongside: (tx) => insertArtefact(tx, step, { name, content }),
    };
  },
};

/** `<title>__<date>_<time>_<step>.md`, UTC; the end of the step's id keeps two of one second apart. */
export function artefactName(title: string, at: Date, stepId: string): string {
  const stem =
    title
      .normalize('NFKD')
      .replace(/[^A-Za-z0-9]+/g, '_')
      .replace(/^_+|_+$/g, '')
      .slice(0, 60) || 'output';
  const time = at.toISOString().slice(0, 19).replace('T', '_').replaceAll(':', '-');
  return `${stem}__${time}_${stepId.slice(-6)}.md`;
}
