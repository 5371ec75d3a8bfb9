// Puts each mutant of list.mjs into a copy of the project and runs the tests that must kill it there: every test that it
// names must fail. First without any, because a test that fails anyhow kills nothing. With names as arguments, those
// alone. --report=FILE writes counts.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { MUTANTS } from './list.mjs';
import { findPassed, runTests } from './run-tests.mjs';

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

const filesOf = (killedBy) => [...new Set(killedBy.map(({ file }) => file))];

let survived = 0;
try {
  copyProject();
  const chosen = process.argv.slice(2).filter((name) => !name.startsWith('--'));
  const mutants = MUTANTS.filter(({ name }) => chosen.length === 0 || chosen.includes(name));
  const wanted = mutants.flatMap(({ killedBy }) => killedBy);
  const sound = runTests(copy, filesOf(wanted));
  const failing = sound.filter(({ status }) => status === 'failed').map(({ title }) => title);
  if (failing.length > 0)
    throw new Error(`Mend these first, which fail without any mutant: ${failing.join('; ')}`);
  for (const { file, title } of wanted)
    if (!sound.some((test) => test.file === file && test.title.includes(title) && test.status === 'passed'))
      throw new Error(`${file} has no test "${title}" that passes`);
  for (const { name, file, from, to, killedBy } of mutants) {
    const path = join(copy, file);
    const text = readFileSync(path, 'utf8');
    if (text.split(from).length !== 2) throw new Error(`${file} does not hold the text of "${name}" once`);
    writeFileSync(
      path,
      text.replace(from, () => to),
    );
    const passed = findPassed(runTests(copy, filesOf(killedBy)), killedBy);
    writeFileSync(path, text);
    const killed = passed.length === 0;
    console.log(`${killed ? 'killed  ' : 'SURVIVED'}  ${name} (${file})`);
    for (const { file: test, title } of passed) console.log(`          passed: ${title} (${test})`);
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
