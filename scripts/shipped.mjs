// What users get of other people's work: the runtime dependencies, and what is built into the dashboard.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');

/** A CycloneDX bill of materials, read from the lock file alone. */
export function billOfMaterials() {
  const text = execFileSync('npm', ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const whole = JSON.parse(text);
  const own = whole.metadata.component;
  // npm takes the name of the folder for it.
  own.name = JSON.parse(readFileSync(resolve(ROOT, 'package.json'), 'utf8')).name;
  const shipped = new Set([...installed(), ...reachable(whole, dashboardPackages())]);
  return {
    ...whole,
    components: whole.components.filter((component) => shipped.has(component['bom-ref'])),
    dependencies: whole.dependencies
      .filter(({ ref }) => ref === own['bom-ref'] || shipped.has(ref))
      .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((each) => shipped.has(each)) })),
  };
}

/**
 * By the lock file itself: npm's own bill calls a package that is there twice, once for users and once for development,
 * one of development.
 */
function installed() {
  const { packages } = JSON.parse(readFileSync(resolve(ROOT, 'package-lock.json'), 'utf8'));
  return Object.entries(packages)
    .filter(([place, { dev }]) => place !== '' && !dev)
    .map(([place, { version }]) => `${place.slice(place.lastIndexOf('node_modules/') + 13)}@${version}`);
}

/** The packages that its sources import; the bundler puts them into our own files. */
function dashboardPackages() {
  const folder = resolve(ROOT, 'src/dashboard');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (file) => /\.tsx?$/.test(file) && !file.endsWith('.test.ts'),
  );
  const imported = files.flatMap((file) => {
    const code = readFileSync(resolve(folder, file), 'utf8');
    return [...code.matchAll(/from '((?:@[\w.-]+\/)?[\w-][\w.-]*)[^']*'/g)].map(([, name]) => name);
  });
  return new Set(imported);
}

function reachable({ components, dependencies }, names) {
  const dependsOn = new Map(dependencies.map((one) => [one.ref, one.dependsOn]));
  const found = new Set();
  const visit = (ref) => {
    if (found.has(ref)) return;
    found.add(ref);
    for (const next of dependsOn.get(ref) ?? []) visit(next);
  };
  for (const component of components) if (names.has(component.name)) visit(component['bom-ref']);
  return found;
}
