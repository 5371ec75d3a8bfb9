import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config.ts';
import { homeOwner } from '../../db/local/lock.ts';
import { operatorKeyFile } from '../operator-key.ts';
import { type Check, ok, problem, warning } from './check.ts';

const OLDEST_NODE = [20, 19] as const;

/** Node, the home, and who may read its secrets. */
export async function checkMachine(config: Config): Promise<Check[]> {
  return [checkNode(), await checkHome(config), ...(await checkSecrets(config)), checkAddress(config)];
}

function checkNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const enough = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  const found = `Node ${process.versions.node} on ${process.platform}-${process.arch}`;
  return enough
    ? ok('node', found)
    : problem('node', found, `Install Node ${OLDEST_NODE.join('.')} or newer.`);
}

async function checkHome({ home }: Config): Promise<Check> {
  const found = await stat(home).catch(() => null);
  if (!found) return warning('home', `${home} does not exist yet`, 'The first `opsloop up` makes it.');
  if (!found.isDirectory())
    return problem('home', `${home} is not a folder`, 'Set OPSLOOP_HOME to a folder.');
  const owner = await homeOwner(home);
  return ok(
    'home',
    owner ? `${home}, in use by process ${owner.pid} since ${owner.since}` : `${home}, not in use`,
  );
}

async function checkSecrets({ home, apiKey }: Config): Promise<Check[]> {
  const files = ['operator.key', 'log-key.pem', 'config.json', '.env'];
  const checks: Check[] = [];
  for (const name of files) {
    const path = join(home, name);
    const found = await stat(path).catch(() => null);
    if (!found) continue;
    const mode = (found.mode & 0o777).toString(8);
    const open = process.platform !== 'win32' && (found.mode & 0o077) !== 0 && name !== 'config.json';
    checks.push(
      open
        ? problem('secrets', `${path} has mode ${mode}`, `Others can read it: chmod 600 ${path}`)
        : ok('secrets', `${path} has mode ${mode}`),
    );
  }
  if (apiKey === undefined && !checks.some((check) => check.found.startsWith(operatorKeyFile(home)))) {
    checks.push(
      warning(
        'secrets',
        'there is no operator key',
        'The first `opsloop up` makes one, or set OPSLOOP_API_KEY.',
      ),
    );
  }
  return checks;
}

function checkAddress({ host, port, allowRemote, allowedHosts }: Config): Check {
  const found = `listens on ${host}:${port}`;
  if (!allowRemote) return ok('address', `${found}, this machine only`);
  return allowedHosts.length > 0
    ? warning(
        'address',
        `${found}, for ${allowedHosts.join(', ')}`,
        'Other machines can reach it: put TLS before it.',
      )
    : problem(
        'address',
        `${found}, but for no host name`,
        'Set OPSLOOP_ALLOWED_HOSTS to the names it is reached by.',
      );
}
