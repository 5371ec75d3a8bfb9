import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';

/**
 * Runs tests in a copy of the project.
 * @param {string} copy
 * @param {string[]} files
 * @returns {{ file: string, title: string, status: string }[]} every test, with its path in the copy
 * @throws Error when a file did not load or the run did not end: then nothing was tested
 */
export function runTests(copy, files) {
  const outputFile = join(copy, 'results.json');
  rmSync(outputFile, { force: true });
  const { stdout, stderr } = spawnSync(
    'node_modules/.bin/vitest',
    ['run', '--reporter=json', `--outputFile=${outputFile}`, ...files],
    // None of these tests runs the built program.
    { cwd: copy, env: { ...process.env, OPSLOOP_TEST_BUILD: '0' }, encoding: 'utf8' },
  );
  try {
    return readResults(JSON.parse(readFileSync(outputFile, 'utf8')), copy, files);
  } catch (error) {
    throw new Error(`the tests did not run: ${error.message}\n${stdout}${stderr}`, { cause: error });
  }
}

/** Of vitest's JSON report. */
export function readResults({ testResults }, copy, files) {
  for (const file of files) {
    const found = testResults.find(({ name }) => relative(copy, name) === file);
    if (found === undefined) throw new Error(`${file} was not run`);
    // What fails before its first test, or in a hook, has tested nothing.
    if (found.status === 'failed' && !found.assertionResults.some(({ status }) => status === 'failed'))
      throw new Error(`${file} did not load: ${found.message}`);
  }
  return testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ title, status }) => ({ file: relative(copy, name), title, status })),
  );
}

/** Which of the tests that must fail did not. */
export function findPassed(results, killedBy) {
  return killedBy.filter(
    ({ file, title }) =>
      !results.some((test) => test.file === file && test.title.includes(title) && test.status === 'failed'),
  );
}
