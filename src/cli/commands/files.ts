import type { Command } from 'commander';
import { addLooking } from './files/look.ts';
import { addOperating } from './files/operate.ts';
import { addSubmitting } from './files/submit.ts';

/** The older command line's verbs, over the API. */
export function addFiles(program: Command): void {
  const files = program
    .command('files')
    .description('task files: submit, approve, look at results')
    .addHelpText(
      'after',
      '\nExample:\n  opsloop files submit "@research: compare two ways" && opsloop files last',
    );
  addSubmitting(program, files);
  addLooking(program, files);
  addOperating(program, files);
}
