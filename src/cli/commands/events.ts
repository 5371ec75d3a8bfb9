import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { follow, type StreamedEvent } from '../follow.ts';
import { parseJson } from '../input.ts';
import { untilInterrupted } from '../interrupt.ts';
import { printFields, oneLine, printLine } from '../print.ts';

type Options = {
  follow?: boolean;
  after?: string;
  kind?: string;
  entity?: string;
  proposal?: string;
  limit: string;
  cursor?: string;
};

export function addEvents(program: Command): void {
  const events = program
    .command('events')
    .description('show the event log, or follow it')
    .option('-f, --follow', 'go on with what happens')
    .option('--after <seq>', 'with --follow: begin after this number (0: from the beginning)')
    .option('--kind <kind>', 'of one kind, or of a group such as "step."')
    .option(
      '--entity <entity>',
      'about proposals, missions, steps, policy, agents, keys, workers, beats, reports or the log',
    )
    .option('--proposal <id>', 'of one proposal, its missions and steps')
    .option('--limit <number>', 'how many', '30')
    .option('--cursor <cursor>', 'where the page begins: `next` of the page before')
    .addHelpText('after', '\nExample:\n  opsloop events --follow --kind step.')
    .action(async (options: Options) => {
      const { client, json } = await connect(program);
      const filter = {
        ...(options.kind ? { kind: options.kind } : {}),
        ...(options.entity ? { entity: options.entity } : {}),
        ...(options.proposal ? { proposal_id: options.proposal } : {}),
      };
      if (options.follow) {
        const query = new URLSearchParams({ ...filter, ...(options.after ? { after: options.after } : {}) });
        for await (const event of follow(client, query, untilInterrupted())) {
          printEvent(event, json);
          if (!process.stdout.writable) return;
        }
        return;
      }
      const query = new URLSearchParams({
        ...filter,
        limit: options.limit,
        ...(options.cursor ? { cursor: options.cursor } : {}),
      });
      const page = (await (await client.fetch(`/api/ops/events?${query.toString()}`)).json()) as {
        events: StreamedEvent[];
        next: string | null;
      };
      if (json) return printLine(JSON.stringify(page, null, 2));
      // The newest last, as in a terminal that scrolls.
      for (const event of page.events.toReversed()) printEvent(event, false);
      if (page.next) printFields({ 'older ones': `--cursor ${page.next}` });
    });

  events
    .command('verify')
    .description('hold every event against its seal, the chain and the heads that this home has signed')
    .option(
      '--trust <file>',
      'a public key of another home (from `opsloop events key`); can be repeated',
      collect,
    )
    .addHelpText(
      'after',
      '\nReads the database directly. Names the first event that was altered, is missing or was inserted, and exits\nwith 1 then.\n\nExample:\n  opsloop events verify --json',
    )
    .action(async ({ trust = [] }: { trust?: string[] }) => {
      const { runVerify } = await import('../verify.ts');
      await runVerify(trust, program.opts<{ json?: boolean }>().json ?? false);
    });

  events
    .command('key')
    .description('print the public key of this home, for those who verify the log elsewhere')
    .addHelpText('after', '\nExample:\n  opsloop events key > this-home.pub')
    .action(async () => {
      const { printLogKey } = await import('../verify.ts');
      await printLogKey(program.opts<{ json?: boolean }>().json ?? false);
    });

  events
    .command('emit')
    .description('report what a program of yours did')
    .argument('<kind>', 'file.… or agent.…')
    .option('--payload <json>', 'an object with what is to be known of it', '{}')
    .addHelpText('after', `\nExample:\n  opsloop events emit agent.note --payload '{"text": "went home"}'`)
    .action(async (kind: string, options: { payload: string }) => {
      const { client, show } = await connect(program);
      const json = { kind, payload: parseJson(options.payload) as Record<string, unknown> };
      show(await client.read(client.api.api.ops.events.$post({ header: {}, json })), () => {
        printLine(`${kind} is in the log.`);
      });
    });
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

function printEvent(event: StreamedEvent, json: boolean): void {
  if (json) return printLine(JSON.stringify(event));
  const time = event.created_at ? new Date(event.created_at).toLocaleTimeString('sv') : '';
  const cause = event.payload?.cause as { by?: string; reason?: string } | undefined;
  const because = [cause?.by, cause?.reason].filter(Boolean).join(', ');
  printLine(
    oneLine(
      `${String(event.seq).padStart(6)}  ${time}  ${event.kind.padEnd(20)}  ${event.entity ?? ''} ${event.entity_id ?? ''}  ${because}`,
    ),
  );
}
