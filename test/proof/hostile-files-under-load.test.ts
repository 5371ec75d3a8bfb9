import { randomBytes } from 'node:crypto';
import {
  appendFile,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { whatIsWrong } from '../support/history.ts';
import { digestOfFolder, type Hostile, hostileFiles } from '../support/hostile-files.ts';
import { eventually, openPolicy } from '../support/loop.ts';
import { makeHome, startUp } from '../support/process.ts';
import { count, figure, partOf } from '../support/proof.ts';

const HOSTILE = partOf(500, 45);
const KILLS = partOf(20, 2);
const ROUNDS = KILLS + 1;
const PER_ROUND = 8;
/** A writer that pauses longer may be taken at its word; ours mostly does not. */
const LONGEST_PAUSE_MS = 900;
const CANARY = `canary-${randomBytes(8).toString('hex')}`;

const db = useDatabase();

type Row = { name: string; status: string; result: string | null; body: string | null; times: number };

test(`${count(HOSTILE)} hostile names and things under load and ${KILLS} kills with -9: nobody gets out, every honest file is done once`, async () => {
  await using home = await makeHome();
  const outside = join(home.path, 'outside');
  const workspace = join(home.path, 'workspace');
  await makeOutside(outside);
  for (const folder of ['inbox', 'outputs', 'approvals'])
    await mkdir(join(workspace, folder), { recursive: true });
  await writeFile(join(home.path, 'config.json'), JSON.stringify({ slots: { task: 8 } }));
  await openPolicy(db.database, ['task']);

  const env = {
    OPSLOOP_WORKSPACE: workspace,
    OPSLOOP_FILES: 'process',
    OPSLOOP_LLM: 'extractive',
    OPSLOOP_ALLOW_UNSAFE_DATABASE: '1',
    OPS_WORKER_POLL: '0.1',
    DATABASE_URL: db.url,
    A_SECRET: CANARY,
  };
  const logs: string[] = [];
  const start = async () => {
    const up = await startUp(home, env, ['--no-sample']);
    up.program.child.once('exit', () => logs.push(up.program.stdout(), up.program.stderr()));
    return up;
  };
  let up = await start();
  const key = await home.key();
  const digest = async () => ({
    outside: await digestOfFolder(outside),
    users: await readFile('/etc/passwd', 'utf8'),
    key: await home.key(),
    home: (await readdir(home.path)).filter((name) => !name.startsWith('log-')).sort(),
    // What a name that became a command would make.
    pwned: (await readdir(process.cwd())).filter((name) => name.includes('pwned')),
  });
  const before = await digest();

  // By what is open, so that nothing of ours goes astray while the name leads elsewhere.
  await using handle = await open(join(workspace, 'inbox'), 'r');
  const inbox = (name: string) => `/proc/${process.pid}/fd/${handle.fd}/${name}`;
  const hostile = hostileFiles(HOSTILE, {
    secret: join(outside, 'secret.txt'),
    folder: outside,
    hard: async (n) => join(outside, `hard-${n}.txt`),
    key: join(home.path, 'operator.key'),
  });
  const placed: Hostile[] = [];
  const honest = new Map<string, string>();
  const tooSlow: string[] = [];
  let ended = false;
  const mischief = [swapFolder(workspace, outside, () => ended), changeFiles(inbox, outside, () => ended)];

  const drop = async (name: string) => {
    honest.set(name, `A fact about ${name}. ${'It is long. '.repeat(50)}`);
    await writeFile(inbox(`.${name}`), honest.get(name) ?? '');
    await rename(inbox(`.${name}`), inbox(name));
  };
  const writeSlowly = async (name: string) => {
    const text = `A fact about ${name}. ${'It is written slowly. '.repeat(50)}`;
    await using file = await open(inbox(name), 'wx');
    let at = performance.now();
    let longest = 0;
    for (let from = 0; from < text.length; from += 200) {
      await pause(30);
      await file.write(text.slice(from, from + 200));
      longest = Math.max(longest, performance.now() - at);
      at = performance.now();
    }
    if (longest < LONGEST_PAUSE_MS) honest.set(name, text);
    else tooSlow.push(name);
  };
  const rows = () =>
    db.database.query<Row>(
      `select f.name, min(f.status) as status, min(f.result) as result, min(p.body) as body, count(*)::integer as times
       from ops_files f left join ops_proposals p on p.id = f.proposal_id group by f.name`,
    );
  const finished = async (names: Iterable<string>) => {
    const done = new Set((await rows()).filter((row) => row.status === 'finished').map((row) => row.name));
    return [...names].filter((name) => done.has(name)).length;
  };

  for (let round = 0; round < ROUNDS; round++) {
    const slow = Array.from({ length: 4 }, (_, n) => writeSlowly(`slow-${round}-${n}.txt`));
    const share = Math.ceil(HOSTILE / ROUNDS);
    for (const one of hostile.slice(round * share, (round + 1) * share)) {
      await one.put(Buffer.concat([Buffer.from(inbox('')), one.name]));
      placed.push(one);
    }
    const called = up.call;
    for (let n = 0; n < PER_ROUND; n++) {
      await drop(`fast-${round}-${n}.txt`);
      const name = `${of(SUBMITTED, round * PER_ROUND + n)}-${round}-${n}`;
      const text = `A fact of ${round}-${n}, submitted.`;
      const answer = await called<{ file: string }>('POST', '/api/submit', { name, text }).catch(() => null);
      if (answer) honest.set(answer.file, `${text}\n`);
    }
    if (round === ROUNDS - 1) {
      await Promise.all(slow);
      break;
    }
    const names = [...honest.keys()].filter((name) => name.startsWith(`fast-${round}`));
    // In the middle of taking and finishing.
    await eventually(async () => (await finished(names)) >= 1 + (round % PER_ROUND), 60_000);
    up.program.signal('SIGKILL');
    await up.program.ended;
    await Promise.all(slow);
    up = await start();
  }
  ended = true;
  const [swaps = 0, changes = 0] = await Promise.all(mischief);
  expect(Math.min(swaps, changes)).toBeGreaterThan(10);
  expect(tooSlow.length).toBeLessThan(2 * ROUNDS);
  await drop('the-last.txt');
  await eventually(async () => (await finished(honest.keys())) === honest.size, 90_000);
  const harmless = placed.filter(({ fate }) => fate === 'task').map(({ name }) => name.toString());
  await eventually(async () => (await finished(harmless)) === harmless.length, 60_000);

  const known = await allThatIsKnown(workspace, up.call);
  up.program.signal('SIGTERM');
  await up.program.ended;
  const seen = [...known, ...logs].join('\n');
  const secrets = { CANARY, key, users: 'root:x:0:0', colours: '\u001b[31mred' };
  const escapes = Object.entries(secrets).filter(([, secret]) => seen.includes(secret));
  expect(escapes.map(([what]) => what)).toEqual([]);
  expect(await digest()).toEqual(before);

  const byName = new Map((await rows()).map((row) => [row.name, row]));
  const files = await readdir(join(workspace, 'inbox'), { encoding: 'latin1' });
  const outputs = await readdir(join(workspace, 'outputs'));
  for (const name of [...honest.keys(), ...harmless]) {
    const stem = name.slice(0, -'.txt'.length);
    expect([name, byName.get(name)]).toMatchObject([name, { status: 'finished', result: 'done', times: 1 }]);
    expect([name, files.filter((file) => isEndOf(file, name))]).toEqual([name, [latin(`${name}.done`)]]);
    expect([name, outputs.filter((file) => file.startsWith(`${stem}__`)).length]).toEqual([name, 1]);
    if (honest.has(name)) expect(byName.get(name)?.body).toBe(honest.get(name));
  }
  const ends = placed
    .filter(({ fate }) => fate === 'left')
    .filter(({ name }) => !files.includes(latin(name)));
  expect(ends.map(({ family, name }) => `${family}: ${name.toString()}`)).toEqual([]);
  expect(await whatIsWrong(db.database, home.path)).toEqual([]);
  figure(
    'hostile names and things in the workspace, escapes',
    '0 of 500, 20 kills',
    `0 of ${count(placed.length)}, ${KILLS} kills, ${count(honest.size)} honest files done once`,
  );
}, 1_800_000);

/** Names that are submitted over HTTP, where a slash can be said. */
const SUBMITTED = [
  '../../outside/secret.txt',
  '/etc/cron.d/x',
  '..\\..\\outside\\x',
  '....//....//x',
  'a/../../b',
  '.opsloop-new-x',
  'con',
  '$(touch pwned)',
  'x\ny',
  '.. /x',
  'file:///etc/passwd',
  '~/x',
];

const of = <Item>(items: Item[], n: number): Item => items[n % items.length] as Item;
const latin = (name: string | Buffer): string => Buffer.from(name as string).toString('latin1');
const isEndOf = (file: string, name: string): boolean =>
  file === latin(name) || file.startsWith(latin(`${name}.`));

/** What nobody may take. Some have the names that files of the inbox have. */
async function makeOutside(folder: string): Promise<void> {
  await mkdir(join(folder, 'inner'), { recursive: true });
  const names = ['secret.txt', 'inner/deep.txt', 'approve.ok', 'memory.json', '.opsloop-new-theirs'];
  for (let n = 0; n < 20; n++)
    names.push(`hard-${n}.txt`, `fast-0-${n}.txt`, `slow-1-${n}.txt`, `secret-${n}.txt`);
  for (const name of names) await writeFile(join(folder, name), `${CANARY} ${name}`);
}

/** A link to somebody else's folder takes the place of one of ours, again and again, for a moment. */
async function swapFolder(workspace: string, outside: string, ended: () => boolean): Promise<number> {
  let swaps = 0;
  for (; !ended(); swaps++) {
    const ours = join(workspace, of(['inbox', 'outputs', 'approvals'], swaps));
    await rename(ours, `${ours}.real`);
    await symlink(outside, ours);
    await lstat(ours);
    await rm(ours);
    await rename(`${ours}.real`, ours);
    await pause(50 + (swaps % 7) * 20);
  }
  return swaps;
}

/** One file grows all the time, one is swapped for a link, one is a file and a folder in turn. */
async function changeFiles(
  inbox: (name: string) => string,
  outside: string,
  ended: () => boolean,
): Promise<number> {
  let changes = 0;
  for (; !ended(); changes++) {
    await appendFile(inbox('grows.txt'), 'More. ');
    await writeFile(inbox('.swap'), 'A fact.');
    await rename(inbox('.swap'), inbox('swapped.txt'));
    await symlink(join(outside, 'secret.txt'), inbox('.swap'));
    await rename(inbox('.swap'), inbox('swapped.txt'));
    await rm(inbox('turns.txt'), { recursive: true, force: true });
    await (changes % 2 ? mkdir(inbox('turns.txt')) : writeFile(inbox('turns.txt'), 'A fact.'));
    await pause(20);
  }
  return changes;
}

/** All that the database, the outputs and the API say. */
async function allThatIsKnown(
  workspace: string,
  call: <T>(method: string, path: string) => Promise<T>,
): Promise<string[]> {
  const tables = ['ops_proposals', 'ops_events', 'ops_steps', 'ops_artefacts', 'ops_files', 'ops_workspaces'];
  const rows = await db.database.query(
    tables.map((table) => `select to_jsonb(t) as row from ${table} t`).join(' union all '),
  );
  const names = await readdir(join(workspace, 'outputs'));
  const outputs = await Promise.all(names.map((name) => readFile(join(workspace, 'outputs', name), 'utf8')));
  const paths = [
    '/api/inbox',
    '/api/outputs',
    '/graph.json',
    '/api/status',
    '/api/ops/health',
    '/api/ops/events?limit=500',
  ];
  const answers = await Promise.all(paths.map((path) => call<unknown>('GET', path)));
  return [
    ...rows.map((row) => JSON.stringify(row)),
    ...outputs,
    ...answers.map((one) => JSON.stringify(one)),
  ];
}
