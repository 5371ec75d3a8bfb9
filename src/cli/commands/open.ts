import { spawn } from 'node:child_process';
import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { printJson, printLine } from '../print.ts';
import { signInUrl, writeSignInPage } from '../sign-in.ts';

const OPENERS: Partial<Record<NodeJS.Platform, [string, ...string[]]>> = {
  darwin: ['open'],
  linux: ['xdg-open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};

export function addOpen(program: Command): void {
  program
    .command('open')
    .description('open the dashboard in a browser, signed in')
    .addHelpText(
      'after',
      '\nPrints the address as well. On a terminal it holds a code with which a browser signs in, once and within a\nminute; where the output goes elsewhere it holds none, because that may be a log.\n\nExample:\n  opsloop open',
    )
    .action(async () => {
      const { url, client, json, home } = await connect(program);
      await client.fetch('/api/status');
      if (json) return printJson({ url });
      if (!process.stdout.isTTY) return printLine(url);
      const { code } = await client.read(client.api.api.ops['sign-in-codes'].$post({ json: {} }));
      const address = signInUrl(url, code);
      printLine(address);
      const opener = OPENERS[process.platform];
      if (!opener) return;
      const [command, ...args] = opener;
      // Everybody on this machine can read the arguments of a program, and nobody else this file.
      const page = await writeSignInPage(home, address).catch(() => null);
      if (page === null) return;
      // No browser is no failure: the address is printed.
      spawn(command, [...args, page], { stdio: 'ignore', detached: true })
        .on('error', () => undefined)
        .unref();
    });
}
