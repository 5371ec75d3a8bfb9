import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { makeClient } from '../../client.ts';
import { AppError } from '../../errors.ts';
import { connect } from '../connect.ts';
import { parseInteger, parseJson, parseList } from '../input.ts';
import { printFields } from '../print.ts';

type ClaimOptions = { wait?: string; lease?: string };
type EndOptions = { output?: string; message?: string; final?: boolean; retryIn?: string };

const FILE = 'what `opsloop work claim --json` printed; "-" reads it from the standard input';

/** claim, renew, complete, fail, release: a step worked by hand, or by a script. */
export function addWork(program: Command): void {
  const work = program
    .command('work')
    .description('work a step by hand or in a script: claim it, then complete, fail or release it')
    .addHelpText(
      'after',
      '\nExample:\n  opsloop work claim translate --json > claim.json' +
        `\n  opsloop work complete claim.json --output '{"text": "bonjour"}'`,
    );

  work
    .command('claim')
    .description('claim a step; exits with 3 when there is none')
    .argument('<kinds>', 'kinds of steps, with commas between them')
    .option('--wait <seconds>', 'how long to wait for one, at most 30', '0')
    .option('--lease <seconds>', 'how long the claim holds without renewal, 10 to 600', '600')
    .addHelpText(
      'after',
      '\nExample:\n  opsloop work claim translate,proofread --wait 30 --json > claim.json',
    )
    .action(async (kinds: string, options: ClaimOptions) => {
      const { client, show } = await connect(program);
      const json = {
        worker: `cli-${hostname()
          .replaceAll(/[^A-Za-z0-9_.-]/g, '-')
          .slice(0, 40)}-${randomUUID()}`,
        kinds: parseList(kinds),
        wait_seconds: parseInteger('--wait', options.wait) ?? 0,
        lease_seconds: parseInteger('--lease', options.lease) ?? 600,
      };
      const answer = await client.read(client.api.api.ops.work.claim.$post({ json }));
      const [claim] = answer.claims;
      if (!claim) {
        process.exitCode = 3;
        await client.read(client.api.api.ops.work.leave.$post({ json: { worker: json.worker } }));
      }
      show(answer, () => {
        printFields(
          claim
            ? {
                step: claim.step.id,
                kind: claim.step.kind,
                title: claim.step.title,
                'lease until': claim.lease_expires_at,
                token: claim.token,
              }
            : { nothing: `of kind ${kinds} is to be worked now` },
        );
      });
    });

  addEnd('renew', 'renew its lease, and see whether to stop');
  addEnd('complete', 'complete the step').requiredOption('--output <json>', 'what it produced');
  addEnd('fail', 'fail the attempt')
    .requiredOption('--message <text>', 'why')
    .option('--final', 'no further attempt can help');
  addEnd('release', 'give it back without spending a failure').option(
    '--retry-in <seconds>',
    'it is not claimed again before',
    '0',
  );

  function addEnd(verb: keyof typeof BODIES, description: string): Command {
    return work
      .command(verb)
      .description(description)
      .argument('<file>', FILE)
      .addHelpText('after', `\nExample:\n  opsloop work ${verb} claim.json${EXAMPLES[verb]}`)
      .action(async (file: string, options: EndOptions) => {
        const { url, show } = await connect(program);
        const { claim_id, token } = await readClaim(file);
        const client = makeClient({ url, apiKey: token });
        const body = JSON.stringify(BODIES[verb](options));
        const response = await client.fetch(`/api/ops/work/claims/${claim_id}/${verb}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body,
        });
        const answer = (await response.json()) as Record<string, unknown>;
        show(answer, () =>
          printFields(
            Object.fromEntries(Object.entries(answer).map(([name, value]) => [name, String(value)])),
          ),
        );
      });
  }
}

const BODIES = {
  renew: () => ({}),
  complete: ({ output }: EndOptions) => ({ output: parseJson(output ?? 'null') }),
  fail: ({ message, final }: EndOptions) => ({ message, final: final ?? false }),
  release: ({ retryIn }: EndOptions) => ({ retry_in_seconds: parseInteger('--retry-in', retryIn) ?? 0 }),
};

const EXAMPLES = {
  renew: '',
  complete: ` --output '{"text": "bonjour"}'`,
  fail: ' --message "no dictionary" --final',
  release: ' --retry-in 60',
};

/** @throws AppError usage */
async function readClaim(file: string): Promise<{ claim_id: string; token: string }> {
  const given = await (file === '-' ? text(process.stdin) : readFile(file, 'utf8')).catch(
    (error: unknown) => {
      throw new AppError('usage', `${file} cannot be read: ${String(error)}`);
    },
  );
  const { claims } = (parseJson(given) ?? {}) as { claims?: { claim_id: string; token: string }[] };
  const [claim] = Array.isArray(claims) ? claims : [];
  if (typeof claim?.claim_id === 'string' && typeof claim.token === 'string') return claim;
  throw new AppError('usage', `${file} holds no claim; \`opsloop work claim <kinds> --json\` makes one.`);
}
