// Asks the registry for known weaknesses. Ends with 1 when something that users get has one, and with 75 ("try later")
// when the registry does not answer the question, which is no pass.
import { spawnSync } from 'node:child_process';
import { billOfMaterials } from './shipped.mjs';

const { stdout, stderr } = spawnSync('npm', ['audit', '--json'], {
  encoding: 'utf8',
  maxBuffer: 64 * 1024 * 1024,
});
const report = read(stdout);

if (report?.auditReportVersion === undefined) {
  console.error(`Nobody was asked: ${report?.message ?? stderr.trim()}`);
  process.exitCode = 75;
} else {
  const shipped = new Set(billOfMaterials().components.map(({ name }) => name));
  const found = Object.values(report.vulnerabilities);
  for (const { name, severity, range, via } of found) {
    const what = via.map((each) => each.title ?? `by ${each}`).join('; ');
    console.error(
      `${shipped.has(name) ? 'SHIPPED' : 'of development only'}: ${name} ${range}, ${severity}: ${what}`,
    );
  }
  const ours = found.filter(({ name }) => shipped.has(name));
  console.log(
    `${shipped.size} packages that users get: ${ours.length} with a known weakness; ${found.length - ours.length} of development with one.`,
  );
  if (ours.length > 0) process.exitCode = 1;
}

function read(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
