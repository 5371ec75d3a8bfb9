// Builds opsloop, because the processes under test are its real ones, and runs main.ts, which Node 20 cannot alone.
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join, resolve } from 'node:path';
import { runnerImport } from 'vite';

const root = resolve(import.meta.dirname, '..');
const args = process.argv.slice(2);
if (!args.includes('--no-build') && !args.includes('--help')) {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
}
// By this mark the warden finds what a run has started, whoever was killed on the way.
process.env.OPSLOOP_CHAOS_RUN = randomUUID();
const { module } = await runnerImport(join(import.meta.dirname, 'main.ts'), { root, logLevel: 'warn' });
await module.main(args.filter((arg) => arg !== '--no-build'));
// Links and pools of what is no more would keep it alive.
process.stdout.write('', () => process.exit());
