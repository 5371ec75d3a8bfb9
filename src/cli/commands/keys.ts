import type { Command } from 'commander';
import type { Scope } from '../../keys/schema.ts';
import { connect } from '../connect.ts';
import { parseInteger, parseList, requireName } from '../input.ts';
import { ago, printFields, printLine, printTable } from '../print.ts';

type CreateOptions = { scopes: string; agent?: string; kinds?: string; expiresInDays?: string };

export function addKeys(program: Command): void {
  const keys = program
    .command('keys')
    .description('list, make and revoke API keys')
    .addHelpText('after', '\nExample:\n  opsloop keys create laptop --scopes read');

  keys
    .command('list', { isDefault: true })
    .description('list keys')
    .action(async () => {
      const { client, show } = await connect(program);
      show(await client.read(client.api.api.ops.keys.$get({ query: {} })), ({ keys: rows }) => {
        printTable(
          rows,
          [
            { title: 'key', value: (row) => row.key_id },
            { title: 'state', value: (row) => (row.revoked_at ? 'revoked' : 'in use') },
            { title: 'agent', value: (row) => row.agent_id ?? 'operator' },
            { title: 'scopes', value: (row) => row.scopes.join(',') },
            { title: 'kinds', value: (row) => row.kinds?.join(',') ?? '' },
            { title: 'last used', value: (row) => ago(row.last_used_at) || 'never' },
            { title: 'name', value: (row) => row.name },
          ],
          'There are none.',
        );
      });
    });

  keys
    .command('create')
    .description('make a key; it is shown once')
    .argument('<name>', 'what it is for')
    .option('--agent <id>', "an agent's key, which can never decide; left out, an operator's")
    .option('--scopes <list>', 'propose, read, emit, work, approve, admin', 'propose,read')
    .option('--kinds <list>', 'with the scope work: the only kinds of steps that it may claim')
    .option('--expires-in-days <number>', 'when it ends by itself')
    .addHelpText(
      'after',
      '\nExamples:\n  opsloop keys create "scout on the VPS" --agent scout --scopes propose,read' +
        '\n  opsloop keys create "translator" --scopes work --kinds translate',
    )
    .action(async (name: string, options: CreateOptions) => {
      const { client, show } = await connect(program);
      const days = parseInteger('--expires-in-days', options.expiresInDays);
      const json = {
        name,
        scopes: parseList(options.scopes) as Scope[],
        ...(options.kinds === undefined ? {} : { kinds: parseList(options.kinds) }),
        ...(options.agent === undefined ? {} : { agent_id: options.agent }),
        ...(days === undefined ? {} : { expires_in_days: days }),
      };
      show(await client.read(client.api.api.ops.keys.$post({ json })), (made) => {
        printFields({
          key: made.key,
          id: made.key_id,
          agent: made.agent_id ?? 'operator',
          scopes: made.scopes.join(', '),
          kinds: made.kinds?.join(', ') ?? null,
        });
        printLine('It is not shown again.');
      });
    });

  keys
    .command('revoke')
    .description('from now on the key opens nothing')
    .argument('<id>', 'the 8 characters that `opsloop keys` shows')
    .action(async (id: string) => {
      const { client, show } = await connect(program);
      const answer = await client.read(
        client.api.api.ops.keys[':key_id'].$delete({ param: { key_id: requireName(id) } }),
      );
      show(answer, (row) => {
        printFields({ key: row.key_id, revoked: row.revoked_at });
      });
    });
}
