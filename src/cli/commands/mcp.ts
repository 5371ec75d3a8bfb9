import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { requireName } from '../input.ts';
import { printProblem } from '../print.ts';

export function addMcp(program: Command): void {
  program
    .command('mcp')
    .description("speak MCP on the standard input and output: an agent's tools to propose, wait and look")
    .option('--agent <id>', "the agent that an operator's key proposes for; an agent's key names its own")
    .addHelpText(
      'after',
      '\nEnds with its input. Where the server is, and the key, are OPSLOOP_URL and OPSLOOP_API_KEY as for every command.\n\nExample:\n  claude mcp add opsloop --env OPSLOOP_API_KEY=ops_… -- npx opsloop mcp',
    )
    .action(async (options: { agent?: string }) => {
      const { speakMcp } = await import('../../mcp/stdio.ts');
      speakMcp({
        // Each time, because a server can be started later, or again on another port.
        client: async (signal) => (await connect(program, { signal })).client,
        ...(options.agent === undefined ? {} : { agentId: requireName(options.agent) }),
        report: ({ message }) => printProblem(`opsloop mcp: ${message}`),
      });
    });
}
