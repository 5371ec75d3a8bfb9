import { spawn } from 'node:child_process';
import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { printJson, printLine } from '../print.ts';

const OPENERS: Partial<Record<NodeJS.Platform, [string, ...string[]]>> = {
  darwin: ['open'],
  linux: ['xdg-open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};

export function addOpen(program: Command): void {
  program
    .command('open')
    .description('print the address of the page, and open it in a browser where there is one')
    .addHelpText('after', '\nExample:\n  opsloop open')
    .action(async () => {
      const { url, client, json } = await connect(program);
      await client.fetch('/api/status');
      if (json) return printJson({ url });
      printLine(url);
      const opener = OPENERS[process.platform];
      if (!opener || !process.stdout.isTTY) return;
      const [command, ...args] = opener;
      // No browser is no failure: the address is printed.
      spawn(command, [...args, url], { stdio: 'ignore', detached: true })
        .on('error', () => undefined)
        .unref();
    });
}
