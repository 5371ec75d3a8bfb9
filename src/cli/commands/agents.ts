import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { parseJson, requireName } from '../input.ts';
import { printFields, printTable } from '../print.ts';

type SetOptions = { name?: string; role?: string; model?: string; config?: string };

export function addAgents(program: Command): void {
  const agents = program
    .command('agents')
    .description('list agents, or set one')
    .addHelpText('after', '\nExample:\n  opsloop agents set scout --role research');

  agents
    .command('list', { isDefault: true })
    .description('list agents')
    .action(async () => {
      const { client, show } = await connect(program);
      show(await client.read(client.api.api.ops.agents.$get({ query: {} })), ({ agents: rows }) => {
        printTable(
          rows,
          [
            { title: 'agent', value: (row) => row.agent_id },
            { title: 'role', value: (row) => row.role ?? '' },
            { title: 'model', value: (row) => row.model_override ?? 'default' },
            { title: 'name', value: (row) => row.display_name ?? '' },
          ],
          'There are none. Make one with `opsloop agents set <id>`.',
        );
      });
    });

  agents
    .command('set')
    .description('make an agent, or change what is named of it')
    .argument('<id>')
    .option('--name <text>', 'display name')
    .option('--role <role>', 'pm, coder, research, qa, ops, marketing, or another')
    .option('--model <name>', 'a model of Ollama, or provider:model; "" for the default')
    .option('--config <json>', 'anything else, as a JSON object')
    .addHelpText('after', '\nExample:\n  opsloop agents set scout --role research --model qwen3:8b')
    .action(async (id: string, options: SetOptions) => {
      const { client, show } = await connect(program);
      const json = {
        ...(options.name === undefined ? {} : { display_name: options.name }),
        ...(options.role === undefined ? {} : { role: options.role }),
        ...(options.model === undefined ? {} : { model_override: options.model || null }),
        ...(options.config === undefined
          ? {}
          : { config: parseJson(options.config) as Record<string, unknown> }),
      };
      const answer = await client.read(
        client.api.api.ops.agents[':agent_id'].$put({ param: { agent_id: requireName(id) }, json }),
      );
      show(answer, ({ agent }) => {
        printFields({
          agent: agent.agent_id,
          name: agent.display_name,
          role: agent.role,
          model: agent.model_override ?? 'default',
        });
      });
    });
}
