import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createKey } from '../../dist/keys/keys.js';
import { approve, reject } from '../../dist/loop/decide.js';
import { setPaused, setPolicy } from '../../dist/policy/policy.js';

const HISTORY = readFileSync(new URL('../../bench/history.sql', import.meta.url), 'utf8');
const AGENTS = ['research', 'coder', 'pm', 'ops', 'qa', 'marketing'];

/** The same figures each time. */
let state = 42;
const random = () => {
  state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
  return state / 2 ** 31;
};

const WISHES = [
  [
    'research',
    'research',
    'Compare the three heat pump offers',
    'Offer A costs 9,200. Offer B costs 8,700 and takes two weeks longer. Offer C leaves out the buffer tank.',
  ],
  [
    'qa',
    'analysis',
    'Why did the nightly import fail twice in May?',
    'It failed on 3 May and on 17 May. Both times the disk was 97 % full. The log rotates weekly.',
  ],
  [
    'coder',
    'analysis',
    'Which queries of the shop are slow?',
    'The list of orders takes 4 s. It has no index on the date. The search takes 0.2 s.',
  ],
  [
    'pm',
    'research',
    'What do customers ask about the new terms?',
    'Forty mails came in. Half of them ask about the notice period. A quarter asks about data.',
  ],
  [
    'ops',
    'analysis',
    'Is the backup of the mail server complete?',
    'The last full backup ran on Sunday. The one of Monday has 2 GB less. Nobody was told.',
  ],
];
const PENDING = [
  [
    'marketing',
    'content',
    'Newsletter: what changed in November',
    'Write a short letter about the three changes. Friendly, no superlatives.',
  ],
  [
    'coder',
    'deploy',
    'Deploy shop 4.12 to production',
    'All tests passed. It adds the index on the date of orders.',
  ],
  [
    'marketing',
    'content',
    'A page about the new support hours',
    'From December on we answer from 7 to 19 h.',
  ],
  ['ops', 'deploy', 'Move the mail archive to the new disk', 'About 40 minutes without access to old mails.'],
  [
    'pm',
    'content',
    'Summary of the quarter for the board',
    'Two pages. Figures of the shop, what failed, what comes next.',
  ],
  ['coder', 'deploy', 'Roll back the search to 4.11', 'The search of 4.12 misses umlauts.'],
];

/** A database as a team of six agents leaves it after some weeks, with 100,000 missions, and work going on. */
export async function seed(app, { missions }) {
  const { database } = app;
  await history(database, missions);
  await setPolicy(database, 'daily_caps', { timezone: 'UTC', per_agent: 60, total: 200 }, 'key:operator');
  await setPolicy(database, 'plans', { ...(await plans(database)), notify: ['notify'] }, 'key:operator');
  await setPolicy(
    database,
    'auto_approve',
    { enabled: true, kinds: ['analysis', 'research', 'task', 'notify'] },
    'key:operator',
  );
  const propose = async ([agentId, kind, title, body]) =>
    (await app.propose({ agentId, kind, title, body, by: `key:${agentId}` })).admission.proposal;
  for (const wish of WISHES) for (let n = 0; n < 4; n++) await propose(wish);
  await propose(['ops', 'notify', 'Tell the night shift about the disk', 'The pager of the night shift.']);
  const decided = await propose(['pm', 'content', 'Answer to the question about terms', 'Two paragraphs.']);
  await approve(database, decided.id, {
    by: 'key:operator',
    reason: 'go on',
    edit: { title: 'Answer about the notice period' },
  });
  const refused = await propose(['marketing', 'content', 'A post about our competitor', 'Compare prices.']);
  await reject(database, refused.id, { by: 'key:operator', reason: 'We do not name others.' });
  for (const wish of PENDING) await propose(wish);
  await setPaused(database, true, 'marketing', 'key:operator');
  for (let n = 0; n < 3; n++)
    await propose([
      'marketing',
      'research',
      `What do readers of letter ${n + 1} click?`,
      'Three links, two pictures.',
    ]);
  await datePendingBack(database);
  for (const agentId of ['research', 'coder'])
    await createKey(
      database,
      { name: `${agentId} on the build server`, scopes: ['propose', 'read'], agent_id: agentId },
      'key:operator',
    );
  await createKey(database, { name: 'phone', scopes: ['read', 'approve'] }, 'key:operator');
  await files(app);
  await app.beat('key:operator');
}

async function history(database, missions) {
  const values = { missions, steps: 1, batch: 5_000 };
  await database.query(HISTORY.replaceAll(/\{(\w+)\}/g, (_, name) => values[name]));
  await database.query(
    'update ops_tally_place set seq = (select max(last_seq) from ops_event_batches), sealed_at = now()',
  );
  const insert = (grain, at, agent, f) =>
    database.query(
      `insert into ops_tallies values ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, $6, $10, $11, $12, $13)
       on conflict do nothing`,
      [
        grain,
        at,
        agent,
        f.proposals,
        f.rejected,
        f.succeeded,
        f.failed,
        f.steps,
        f.failures,
        f.input,
        f.output,
        f.work,
        f.waits,
      ],
    );
  const figures = (size) => {
    const steps = Math.round(size * (0.6 + random() * 0.8));
    const waits = Array.from({ length: 60 }, (_, n) =>
      n > 8 && n < 40 ? Math.round((steps * random() * 3) / 60) : 0,
    );
    return {
      steps,
      failures: random() < 0.12 ? Math.ceil(steps * 0.1) : 0,
      proposals: Math.round(steps / 2),
      rejected: random() < 0.1 ? 1 : 0,
      succeeded: Math.round(steps / 2.2),
      failed: random() < 0.1 ? 1 : 0,
      input: steps * 900,
      output: steps * 350,
      work: steps * 21_000,
      waits,
    };
  };
  const minute = Math.floor(Date.now() / 60_000) * 60_000;
  for (let ago = 1; ago < 1_500; ago += ago < 65 ? 1 : 3) {
    const at = new Date(minute - ago * 60_000);
    const size = 8 + 6 * Math.sin((at.getUTCHours() / 24) * 2 * Math.PI);
    await insert('minute', at.toISOString().slice(0, 19), '', figures(size));
  }
  for (let ago = 1; ago < 14; ago++)
    for (const agent of AGENTS) {
      const day = new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
      await insert('day', day, agent, figures(agent === 'marketing' ? 8 : 30));
    }
}

async function plans(database) {
  const [row] = await database.query("select value from ops_policy where key = 'plans'");
  return row.value;
}

async function datePendingBack(database) {
  await database.query(
    `update ops_proposals p set created_at = now() - age * interval '37 minutes'
     from (select id, row_number() over (order by id desc) as age from ops_proposals where decided_at is null) as old
     where old.id = p.id`,
  );
}

async function files(app) {
  const inbox = join(app.config.workspace, 'inbox');
  await mkdir(inbox, { recursive: true });
  await writeFile(
    join(inbox, 'look-at-the-logs.txt'),
    '@role: ops\nWhich of the logs grow fastest? auth.log has 2 GB. mail.log has 300 MB.',
  );
  await writeFile(
    join(inbox, 'offers.txt'),
    '@role: research\nSort the offers by price. A: 9,200. B: 8,700. C: 9,900.',
  );
}
