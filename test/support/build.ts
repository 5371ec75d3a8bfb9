import { execFileSync } from 'node:child_process';

/** Tests of whole processes and of pages run what users run: the compiled program and the built dashboard. */
export default function build(): void {
  if (process.env.OPSLOOP_TEST_BUILD === '0') return;
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
}
