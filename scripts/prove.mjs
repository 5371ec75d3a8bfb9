// Runs test/proof at its full size and prints what it measured, for docs/reliability.md. On two cores that takes more than an
// hour. With the beginnings of names, those files alone: `npm run prove -- claims caps`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'opsloop-prove-'));
const figures = join(folder, 'figures.jsonl');
const names = process.argv.length > 2 ? process.argv.slice(2) : [''];
const files = names.map((name) => `test/proof/${name}`);
const args = ['run', '--config', 'vitest.long.config.ts', ...files];
// The tests are interrupted as well, and what is theirs is tidied up below.
process.on('SIGINT', () => {});
const { status } = spawnSync('node_modules/.bin/vitest', args, {
  stdio: 'inherit',
  env: { ...process.env, OPSLOOP_PROOF: '1', OPSLOOP_FIGURES: figures },
});

const rows = existsSync(figures)
  ? readFileSync(figures, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
  : [];
const gigabytes = Math.round(totalmem() / 2 ** 30);
console.log(
  `\n${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores (${cpus()[0]?.model.trim()}), ${gigabytes} GB, Node ${process.version}, \`npm run prove\`\n`,
);
console.log('| promise | wanted | measured |\n|---|---|---|');
for (const { promise, wanted, measured } of rows) console.log(`| ${promise} | ${wanted} | ${measured} |`);
rmSync(folder, { recursive: true });
process.exitCode = status ?? 1;
