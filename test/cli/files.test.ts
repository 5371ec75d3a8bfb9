import { beforeAll, expect, test } from 'vitest';
import { OPERATOR_KEY } from '../support/app.ts';
import { useFiles } from '../support/files.ts';
import { runProgram } from '../support/process.ts';

const t = useFiles();
let url = '';
beforeAll(async () => {
  ({ url } = await t.serve());
});
const files = (...args: string[]) =>
  runProgram(['files', ...args], {
    OPSLOOP_URL: url,
    OPSLOOP_API_KEY: OPERATOR_KEY,
    OPSLOOP_HOME: t.workspace,
  });

test('submit, wait, last, inbox and outputs: what the older command line did', async () => {
  const submitted = await files(
    'submit',
    '@qa: Name one risk. It is late.',
    '--name',
    'one risk',
    '--strict',
  );
  expect(submitted.stdout).toContain('inbox/one_risk.txt');
  const waited = await files('wait', 'one_risk', '--timeout', '20', '--interval', '0.2');
  expect([waited.code, waited.stdout]).toEqual([0, expect.stringContaining('It is late.')]);
  expect(await t.read('inbox', await t.appears('inbox', 'one_risk.txt.done'))).toBe(
    'STRICT: @qa: Name one risk. It is late.\n',
  );
  expect((await files('last')).stdout).toBe(waited.stdout);
  expect((await files('inbox')).stdout).toContain('one_risk.txt.done');
  expect((await files('outputs', '1')).stdout).toContain('one_risk__');
  const listed = JSON.parse(
    (
      await runProgram(['--json', 'files', 'list'], {
        OPSLOOP_URL: url,
        OPSLOOP_API_KEY: OPERATOR_KEY,
        OPSLOOP_HOME: t.workspace,
      })
    ).stdout,
  ) as { files: unknown[] };
  expect(listed.files).toMatchObject([{ name: 'one_risk.txt', result: 'done', agent_id: 'qa' }]);
});

test('what fails has an exit code that says so', async () => {
  expect((await files('wait', 'nothing', '--timeout', '0', '--interval', '0.1')).code).toBe(9);
  expect((await files('approve', 'nothing')).code).toBe(3);
  await files('exec', 'echo no', '--name', 'no');
  const refused = await files('wait', 'no', '--exec', '--timeout', '20', '--interval', '0.2');
  expect([refused.code, refused.stdout]).toEqual([1, expect.stringContaining('Commands are off')]);
});

test('resume says whether there was something to resume', async () => {
  expect((await files('resume')).stdout).toContain('It was not halted');
  expect((await files('status')).stdout).toContain('process');
});
