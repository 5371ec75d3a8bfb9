import type { Command } from 'commander';
import { AppError } from '../../../errors.ts';
import { sleep } from '../../../lib/wake.ts';
import { type Connection, connect } from '../../connect.ts';
import { parseInteger } from '../../input.ts';
import { ago, printLine, printTable, visible } from '../../print.ts';

/** inbox, outputs, last, wait: what lies there. */
export function addLooking(program: Command, files: Command): void {
  const addListing = (name: 'inbox' | 'outputs', description: string) =>
    files
      .command(name)
      .description(description)
      .argument('[number]', 'how many', '20')
      .addHelpText('after', `\nExample:\n  opsloop files ${name} 5`)
      .action(async (number: string) => {
        const { client, show } = await connect(program);
        const most = parseInteger('number', number) ?? 20;
        const answer = await client.read(client.api.api[name].$get());
        show({ files: answer.files.slice(0, most) }, (found) =>
          printTable(
            found.files,
            [
              { title: 'changed', value: (row) => ago(new Date(row.mtime * 1000).toISOString()) },
              { title: 'bytes', value: (row) => String(row.size) },
              { title: 'name', value: (row) => row.name },
            ],
            'It is empty.',
          ),
        );
      });
  addListing('inbox', 'list the inbox, the newest first');
  addListing('outputs', 'list the outputs, the newest first');

  files
    .command('last')
    .description('print the newest outputs')
    .argument('[number]', 'how many', '1')
    .addHelpText('after', '\nExample:\n  opsloop files last 2')
    .action(async (number: string) => {
      const connection = await connect(program);
      const { client } = connection;
      const { files: found } = await client.read(client.api.api.outputs.$get());
      const names = found.slice(0, parseInteger('number', number) ?? 1).map((file) => file.name);
      if (names.length === 0) throw new AppError('not_found', 'There is no output yet.');
      for (const name of names) await printOutput(connection, name);
    });

  files
    .command('wait')
    .description('wait for the newest output of a stem and print it')
    .argument('<stem>', 'the name of the file without .txt')
    .option('--exec', 'wait for the result of a command')
    .option('--timeout <seconds>', 'give up after this time', '30')
    .option('--interval <seconds>', 'look that often', '1')
    .addHelpText(
      'after',
      '\nExits with 0 when it is there, 1 when it tells of a failure, 9 after the timeout.\n\nExample:\n  opsloop files wait risks --timeout 600',
    )
    .action(async (stem: string, options: { exec?: boolean; timeout: string; interval: string }) => {
      const connection = await connect(program);
      const name = await waitForOutput(connection, stem, options);
      await printOutput(connection, name);
      if (name.endsWith('__FAILED.md')) process.exitCode = 1;
    });
}

async function printOutput({ client, show }: Connection, name: string): Promise<void> {
  const answer = await client.read(
    client.api.api.out[':name'].$get({ param: { name: encodeURIComponent(name) } }),
  );
  show(answer, ({ content }) => printLine(visible(content)));
}

async function waitForOutput(
  { client }: Connection,
  stem: string,
  options: { exec?: boolean; timeout: string; interval: string },
): Promise<string> {
  const seconds = parseInteger('--timeout', options.timeout) ?? 30;
  const until = performance.now() + seconds * 1000;
  for (;;) {
    const name = await newestOutput(client, stem, options.exec ?? false);
    if (name !== null) return name;
    if (performance.now() > until)
      throw new AppError(
        'timed_out',
        `There is no output of "${stem}" after ${seconds} s; the work goes on.`,
      );
    await sleep(Math.max(0.1, Number(options.interval) || 1) * 1000);
  }
}

/** What the loop says of the stem; where somebody else works the files, what lies in the folder. */
async function newestOutput(
  client: Connection['client'],
  stem: string,
  exec: boolean,
): Promise<string | null> {
  const { files } = await client.read(client.api.api.ops.files.$get({ query: { stem, limit: '1' } }));
  const [file] = files;
  if (file) {
    if (file.status === 'finished') return file.output;
    return exec || file.proposal_status !== 'pending' ? null : file.note;
  }
  const { files: outputs } = await client.read(client.api.api.outputs.$get());
  const mine = outputs.filter((output) => output.name.startsWith(`${stem}__`));
  return (exec ? mine.find((output) => output.name.endsWith('__EXEC.md')) : mine[0])?.name ?? null;
}
