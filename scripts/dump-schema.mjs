// Writes schema.sql: what the migrations make, as PostgreSQL 15 tells it. With --check it only compares.
// Needs a build in dist/.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { withPostgres15 } from './postgres-15.mjs';

const dump = await withPostgres15((url, run) => {
  execFileSync(process.execPath, ['dist/cli/main.js', 'migrate'], {
    env: { ...process.env, DATABASE_URL: url },
  });
  return tidy(run('pg_dump', ['--schema-only', '--no-owner', '--no-privileges', url]));
});

if (!process.argv.includes('--check')) writeFileSync('schema.sql', dump);
else if (readFileSync('schema.sql', 'utf8') === dump) console.log('schema.sql is what the migrations make.');
else {
  console.error('schema.sql is not what the migrations make; run `npm run schema` and commit it.');
  process.exitCode = 1;
}

/** Without what differs from dump to dump: versions, settings, and the random word of \restrict. */
function tidy(text) {
  const lines = text.split('\n').filter((line) => !/^(--|SET |SELECT pg_catalog|\\)/.test(line));
  return `${lines
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()}\n`;
}
