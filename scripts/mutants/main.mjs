// Puts each mutant of list.mjs into a copy of the project and runs the tests that must kill it there. First without
// any, because a test that fails anyhow kills nothing. With names as arguments, those alone. --report=FILE writes counts.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { MUTANTS } from './list.mjs';

const root = resolve(import.meta.dirname, '../..');
const copy = mkdtempSync(join(tmpdir(), 'opsloop-mutants-'));

/** Everything that git knows or would, but what is ignored. */
function copyProject() {
  const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
  });
  for (const file of files.toString().split('\0').filter(Boolean)) {
    mkdirSync(join(copy, dirname(file)), { recursive: true });
    cpSync(join(root, file), join(copy, file));
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
}

/** @returns {boolean} whether they passed */
function run(tests) {
  const { status, stdout } = spawnSync('node_modules/.bin/vitest', ['run', '--reporter=dot', ...tests], {
    cwd: copy,
    // None of these tests runs the built program.
    env: { ...process.env, OPSLOOP_TEST_BUILD: '0' },
    encoding: 'utf8',
  });
  if (status !== 0 && !/\d+ failed/.test(stdout)) throw new Error(`the tests did not run:\n${stdout}`);
  return status === 0;
}

let survived = 0;
try {
  copyProject();
  const chosen = process.argv.slice(2).filter((name) => !name.startsWith('--'));
  const mutants = MUTANTS.filter(({ name }) => chosen.length === 0 || chosen.includes(name));
  const tests = [...new Set(mutants.flatMap(({ killedBy }) => killedBy))];
  if (!run(tests)) throw new Error('Some of the tests fail without any mutant; mend them first.');
  for (const { name, file, from, to, killedBy } of mutants) {
    const path = join(copy, file);
    const text = readFileSync(path, 'utf8');
    if (text.split(from).length !== 2) throw new Error(`${file} does not hold the text of "${name}" once`);
    writeFileSync(
      path,
      text.replace(from, () => to),
    );
    const killed = !run(killedBy);
    writeFileSync(path, text);
    console.log(`${killed ? 'killed  ' : 'SURVIVED'}  ${name} (${file})`);
    if (!killed) survived++;
  }
  console.log(`${mutants.length - survived} of ${mutants.length} mutants killed`);
  const report = process.argv.find((name) => name.startsWith('--report='))?.slice('--report='.length);
  const counts = { numPassedTests: mutants.length - survived, numFailedTests: survived };
  if (report) writeFileSync(report, JSON.stringify(counts));
} finally {
  rmSync(copy, { recursive: true, force: true });
}
process.exitCode = survived === 0 ? 0 : 1;
