import { execFileSync } from 'node:child_process';

/** Tests of whole processes run what users run: the compiled program. */
export default function build(): void {
  execFileSync('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' });
}
