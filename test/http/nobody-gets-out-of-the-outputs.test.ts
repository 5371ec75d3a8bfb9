import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { link, lstat, mkdir, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { HttpServer } from '../../src/http/serve.ts';
import { OPERATOR_KEY, problemOf, useApp } from '../support/app.ts';
import { eventually } from '../support/loop.ts';
import { partOf } from '../support/proof.ts';
import { rawRequest, sendRaw } from './raw.ts';

// Observed, so that nothing takes what is submitted away.
const t = useApp({ parts: { files: true }, env: { OPSLOOP_FILES: 'observe' } });

const CANARY = 'canary-8f14e45f-nobody-may-read-this';
const ANSWERS_WITHIN_MS = 2_000;
const GOOD: Record<string, string> = {
  'good.md': 'good',
  'pm_Año 1, ünïcode 日本 & more.md': 'with blanks and letters',
  "it's (only) 100%.md": 'with signs that URLs use',
  'a%20b.md': 'a name with a percent sign',
};

let server: HttpServer;
let outputs = '';
let targets: string[] = [];

beforeAll(async () => {
  await eventually(async () => t.app.bridge()?.isOwner());
  const { home, workspace } = t.app.config;
  outputs = join(workspace, 'outputs');
  await mkdir(join(outputs, 'sub'));
  await mkdir(join(outputs, 'x.md'));
  const secrets = [
    join(home, 'operator.key'),
    join(home, 'secret.md'),
    join(workspace, 'secret.md'),
    join(workspace, 'state', 'secret.md'),
    join(workspace, 'inbox', 'secret.txt'),
    join(outputs, 'sub', 'secret.md'),
    join(outputs, 'x.md', 'secret.md'),
    join(outputs, '.hidden.md'),
  ];
  for (const secret of secrets) await writeFile(secret, `${CANARY}\n`);
  const [linked = '', hard = ''] = secrets;
  await symlink(linked, join(outputs, 'link.md'));
  await symlink('link.md', join(outputs, 'link-to-link.md'));
  await symlink('..', join(outputs, 'up.md'));
  await symlink('loop.md', join(outputs, 'loop.md'));
  await link(hard, join(outputs, 'hard.md'));
  execFileSync('mkfifo', [join(outputs, 'pipe.md')]);
  for (const [name, content] of Object.entries(GOOD)) await writeFile(join(outputs, name), content);
  targets = [...new Set(hostileTargets(home))];
  server = await t.serve();
});

const get = (target: string) =>
  sendRaw(server.port, rawRequest(server.port, { target: `/api/out/${target}` }));

const submit = async (body: Record<string, unknown>) => {
  const response = await fetch(`${server.url}/api/submit`, {
    method: 'POST',
    headers: { authorization: `Bearer ${OPERATOR_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const answer = (await response.json()) as { ok?: boolean; file?: string; code?: string };
  return { status: response.status, ...answer };
};

test('no target leads to a file that is not an output, holds anybody up or is a failure', async () => {
  expect(targets.length).toBeGreaterThan(500);
  await inParallel(targets, async (target) => {
    const began = performance.now();
    const { status, body } = await get(target);
    const ms = performance.now() - began;
    const leaks = body.includes(CANARY) || body.includes('root:');
    expect([target, leaks, Math.floor(status / 100), ms < ANSWERS_WITHIN_MS]).toEqual([
      target,
      false,
      4,
      true,
    ]);
  });
});

test.each(Object.entries(GOOD))('%s can be read all the same, encoded once', async (name, content) => {
  const { status, headers, body } = await get(encodeURIComponent(name));
  expect([status, JSON.parse(body)]).toEqual([200, { name, content }]);
  expect(headers['x-content-type-options']).toBe('nosniff');
  const [, named = ''] =
    /^attachment; filename\*=UTF-8''(\S+)$/.exec(headers['content-disposition'] ?? '') ?? [];
  expect(decodeURIComponent(named)).toBe(name);
});

test('the name in Content-Disposition has only the characters that it may have', async () => {
  const { headers } = await get(encodeURIComponent("it's (only) 100%.md"));
  expect(headers['content-disposition']).toMatch(
    /^attachment; filename\*=UTF-8''(?:[A-Za-z0-9!#$&+.^_`|~-]|%[0-9A-F]{2})+$/,
  );
});

test('a good name that is encoded twice is not there', async () => {
  for (const name of Object.keys(GOOD)) {
    const once = everyByte(name);
    expect([name, (await get(once)).status]).toEqual([name, 200]);
    for (const twice of [everyByte(once), once.replaceAll('%', '%25')])
      expect([name, (await get(twice)).status]).toEqual([name, 404]);
  }
});

test.each([
  ['test/../../../etc/passwd', 'test_______etc_passwd.txt'],
  ['a b.txt', 'a_b.txt'],
  ['', 'tarea_web.txt'],
  [undefined, 'tarea_web.txt'],
  [null, 'tarea_web.txt'],
  ['..', '_.txt'],
  ['x.md', 'x.md.txt'],
  ['.hidden', '_hidden.txt'],
  ['con', '_con.txt'],
  ['Aux.tar.gz', '_Aux.tar.gz.txt'],
])('the name %s is submitted as %s', async (name, file) => {
  expect(await submit({ name, text: 'x' })).toEqual({ status: 200, ok: true, file });
  const path = join(t.app.config.workspace, 'inbox', file);
  expect(await readFile(path, 'utf8')).toBe('x\n');
  await rm(path);
});

test('a name that is taken gets a number', async () => {
  const names = [];
  for (let i = 0; i < 3; i++) names.push((await submit({ name: 'twice', text: `${i}` })).file);
  expect(names).toEqual(['twice.txt', 'twice_2.txt', 'twice_3.txt']);
});

test('two hundred that submit one name at once get two hundred files', async () => {
  const texts = Array.from({ length: 200 }, (_, i) => `text ${i}`);
  const answers = await Promise.all(texts.map((text) => submit({ name: 'crowd', text })));
  const files = answers.map(({ file = '' }) => file);
  expect(new Set(files).size).toBe(200);
  const inbox = join(t.app.config.workspace, 'inbox');
  const written = await Promise.all(files.map((file) => readFile(join(inbox, file), 'utf8')));
  expect(written).toEqual(texts.map((text) => `${text}\n`));
  expect((await readdir(inbox)).filter((name) => name.startsWith('.'))).toEqual([]);
}, 120_000);

test('no submitted name makes or changes anything outside the inbox', async () => {
  const inbox = join(t.app.config.workspace, 'inbox');
  const before = await digestsOf(t.app.config.home, inbox);
  const secret = await readFile(join(inbox, 'secret.txt'), 'utf8');
  const all = new Set([...targets, ...targets.flatMap(decoded)]);
  // Each is a file that is synced to the disk, so the small run takes some of them, from all over.
  const stride = Math.ceil(all.size / partOf(all.size, 500));
  const names = [...all].filter((_, n) => n % stride === 0);
  names.push('a\0b', '\ud800', 'x\udfff.txt', '../\0');
  const made = new Set<string>();
  await inParallel(names, async (name) => {
    const { status, file = '', code } = await submit({ name, text: 'hostile' });
    if (status !== 200) {
      expect([name, code]).toEqual([name, 'invalid_json']);
      expect(name.includes('\0') || !name.isWellFormed()).toBe(true);
      return;
    }
    expect(file).toMatch(/^[A-Za-z0-9_-][A-Za-z0-9._-]*\.txt$/);
    expect(made).not.toContain(file);
    made.add(file);
  });
  for (const file of made) expect(await readFile(join(inbox, file), 'utf8')).toBe('hostile\n');
  expect(await readFile(join(inbox, 'secret.txt'), 'utf8')).toBe(secret);
  expect(await digestsOf(t.app.config.home, inbox)).toEqual(before);
}, 120_000);

test('a name that cannot be one is refused as a path, and says why', async () => {
  const response = await t.request('/api/out/..%2f..%2foperator.key');
  expect(response.status).toBe(403);
  expect(await problemOf(response)).toMatchObject({
    code: 'invalid_path',
    problem: expect.stringContaining('path separator') as string,
  });
});

/** What stands behind `/api/out/`, as it goes over the wire. */
function hostileTargets(home: string): string[] {
  const separators = [
    ...words('/ %2f %2F %252f %25252f \\ %5c %5C %255c %25255c // /./ ;/ %3b/ %00/ /%00 %00%2f %2f%00 %20/'),
    ...words('%c0%af %c0%2f %c1%9c %e0%80%af %f0%80%80%af %f8%80%80%80%af %fc%80%80%80%80%af %u2215 %uff0f'),
    ...words('%09%2f %0a%2f %0d%0a%2f'),
    ...['∕', '⁄', '／', '＼', '⧵', '\u200b/', '/\u202e', '\ufeff/'].map(encodeNonAscii),
  ];
  const dots = [
    ...words(
      '. %2e %2E %252e %25252e %c0%ae %e0%80%ae %f0%80%80%ae %fc%80%80%80%80%ae %u002e %uff0e %00. .%00',
    ),
    ...['．', '․', '。', '.\u200b', '.\u2060'].map(encodeNonAscii),
  ];
  const climbing = separators.flatMap((slash) =>
    dots.map((dot) => `${dot}${dot}${slash}state${slash}secret.md`),
  );
  const outside = [
    ...words('../secret.md ../state/opsloop.json ../state/secret.md ../inbox/secret.txt ../outputs/good.md'),
    ...words('../../operator.key ../../secret.md ../../workspace/secret.md /etc/passwd sub/secret.md'),
    ...words('x.md/secret.md up.md/secret.md up.md/state/opsloop.json sub/../../secret.md ./../secret.md'),
    ...words('good.md/../../secret.md ....//secret.md ..../secret.md'),
    `${home}/operator.key`,
    `file://${home}/operator.key`,
    `${'../'.repeat(12)}etc/passwd`,
  ];
  const ways: ((path: string) => string)[] = [
    (path) => path,
    encodeURIComponent,
    (path) => encodeURIComponent(encodeURIComponent(path)),
    (path) => encodeURIComponent(encodeURIComponent(encodeURIComponent(path))),
    everyByte,
    (path) => everyByte(path).replaceAll('%', '%25'),
    (path) => everyByte(everyByte(path)),
    (path) => encodeURIComponent(path.replaceAll('/', '\\')),
    (path) => encodeURIComponent(`${path}\0.md`),
    (path) => `${encodeURIComponent(path)}.md`,
  ];
  const devices = words('con PRN aux NUL CONIN$ clock$ com1 COM¹ lpt9 LPT³').flatMap((name) =>
    ['', '.md', '.txt', '.tar.gz', '::$DATA', ' ', '.', ' .md'].map((ending) => name + ending),
  );
  const signs = [
    ...words('. .. ... / \\ /. ::$DATA :stream * ? \0 \0.md \t \n \r\n'),
    ...words('\u200b \u200d \u202e \u2066 \ufeff \u00ad \u2028 \u0085 \u007f \ue000'),
    ' ',
    '. .',
  ];
  const disguised = words('good.md link.md hard.md .hidden.md').flatMap((name) =>
    signs.flatMap((sign) => [name + sign, sign + name]),
  );
  const names = [
    ...words('link.md link-to-link.md loop.md up.md hard.md pipe.md x.md sub .hidden.md nothing.md'),
    ...words(
      'C:\\Windows\\win.ini C:/Windows/win.ini C:good.md c: \\\\server\\share\\x.md //server/share/x.md',
    ),
    ...words('\\\\?\\C:\\x.md \\\\.\\pipe\\x \\??\\C:\\x.md ~/operator.key ~root/x.md $HOME/x.md %HOME%'),
    ...words('. .. ... .... .md ..md .git .env .opsloop-new-0 GOOD.MD good.md. ｇｏｏｄ.md gооd.md'),
    ...words('<good>.md go"od.md good|.md __proto__ constructor'),
  ];
  const blankOrLong = [' ', '  ', '. ', ' .', '.. ', '.'.repeat(200), 'a'.repeat(201), 'a'.repeat(255)];
  const longest = ['é'.repeat(101), 'a'.repeat(4_000), `${'../'.repeat(2_000)}etc/passwd`];
  const onTheWire = [
    ...words(
      '? # ?name=good.md ?/good.md #/good.md /good.md ;/good.md good.md/ good.md;x good.md%3fx good.md%23x',
    ),
    ...words(
      '..;/secret.md ..%3b/secret.md ..;/..;/operator.key .;/good.md ..?/../secret.md ..#/../secret.md',
    ),
    ...words('x?../../secret.md secret.md%3f.md ../secret.md?.md ../secret.md#.md &#46;&#46;&#47;x'),
    ...words('% %% %2 %zz %g0d.md good.md% %ff.md %fe%ff.md %80.md %e0%a4%a %c3.md %c3%28.md %00 %2500'),
    ...words('%ed%a0%80.md %ed%bf%bf.md %ed%a0%80%ed%b0%80.md %ef%bf%bd.md %ef%bf%be.md %f4%90%80%80.md'),
    ...words('%2e %2e%2e %2e%2e/ .%2e/secret.md %2e./secret.md %252e%252e%252fsecret.md %2e%2e%5csecret.md'),
    ...words('%C0%80.md good%c0%80.md good.md%c0%80 good%2emd%20 good%252emd go%6fd.md%2f..%2fgood.md'),
  ];
  return [
    ...outside.flatMap((path) => ways.map((way) => way(path))),
    ...outside.flatMap((path) => separators.map((slash) => path.replaceAll('/', slash))),
    ...climbing,
    ...[...devices, ...disguised, ...names, ...blankOrLong, ...longest].map(encodeURIComponent),
    ...[...devices, ...names, ...blankOrLong].map(everyByte),
    ...onTheWire,
    '',
  ];
}

function words(text: string): string[] {
  return text.split(' ');
}

function everyByte(text: string): string {
  return [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
}

function encodeNonAscii(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]+/g, encodeURIComponent);
}

function decoded(text: string): string[] {
  try {
    const once = decodeURIComponent(text);
    return [once, decodeURIComponent(once)];
  } catch {
    return [];
  }
}

/** What every entry below a folder is and holds, but for one folder. */
async function digestsOf(folder: string, except: string): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  const visit = async (path: string) => {
    const found = await lstat(path);
    const kind = `${found.mode.toString(8)} ${found.nlink}`;
    if (found.isDirectory() && path !== except)
      for (const name of await readdir(path)) await visit(join(path, name));
    if (found.isSymbolicLink()) digests[path] = `${kind} ${await readlink(path)}`;
    else if (found.isFile())
      digests[path] = `${kind} ${createHash('sha256')
        .update(await readFile(path))
        .digest('hex')}`;
    else digests[path] = kind;
  };
  await visit(folder);
  return digests;
}

async function inParallel<Item>(items: Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = [...items];
  const workers = Array.from({ length: 8 }, async () => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await work(item);
  });
  await Promise.all(workers);
}
