import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setAgent } from '../../src/agents/agents.ts';
import { approve, reject } from '../../src/loop/decide.ts';
import { silentLog } from '../../src/log.ts';
import { addSchedule, pauseSchedule } from '../../src/schedules/schedules.ts';
import { takeDue } from '../../src/schedules/take-due.ts';
import { StepError } from '../../src/worker/handler.ts';
import { startWorker } from '../../src/worker/worker.ts';
import type { TestApp } from './app.ts';
import { openPolicy, proposer } from './loop.ts';
import { handles, missionEnds } from './worker.ts';

/** The texts that agents write in `fillEveryView`, each in a place of its own. */
export type Texts = {
  title: string;
  body: string;
  output: string;
  failure: string;
  payload: string;
  name: string;
};

export const PLAIN: Texts = {
  title: 'Compare the offers',
  body: '# Offers\n\n- one **fact**\n- another',
  output: 'The second one is cheaper. See [the list](https://example.com/list).',
  failure: 'The list could not be read.',
  payload: 'went home',
  name: 'Somebody',
};

/**
 * Something of everything that a view can show: what waits, was rejected, was edited, works, failed, and a worker.
 * @returns the address of every view, and of views that show something else of the same sort
 */
export async function fillEveryView(t: TestApp, texts: Texts): Promise<{ views: string[]; more: string[] }> {
  const { database } = t.app;
  await openPolicy(database, ['analysis']);
  const propose = async (kind: string) => proposer(database)({ kind, title: texts.title, body: texts.body });
  await setAgent(database, 'research', { display_name: texts.name, role: texts.name.slice(0, 64) }, 'test');
  const worker = await startWorker({
    database,
    log: silentLog(),
    llm: t.app.llm,
    handlers: {
      analyze: handles(({ step }) => {
        if (step.attempt === 1) throw new StepError('flaky', texts.failure);
        return { output: { text: texts.output } };
      }),
      broken: handles(() => {
        throw new StepError('broken', texts.failure, { final: true });
      }),
    },
  });
  await t.app.database.query(
    `update ops_policy set value = value || '{"broken": ["broken"]}' where key = 'plans'`,
  );
  const done = await propose('analysis');
  await missionEnds(database, done.mission?.mission.id);
  const broken = await propose('broken');
  const failed = await approve(database, broken.proposal.id, { by: 'test', reason: texts.title });
  await missionEnds(database, failed.mission?.mission.id);
  const refused = await propose('content');
  await reject(database, refused.proposal.id, { by: 'test', reason: texts.title });
  const edited = await propose('deploy');
  await approve(database, edited.proposal.id, { by: 'test', edit: { title: 'Edited', body: texts.body } });
  const pending = await propose('content');
  const key = await t.key({ scopes: ['emit', 'propose'], agent_id: 'coder', name: texts.name });
  await t.request('/api/ops/events', {
    method: 'POST',
    key,
    json: { kind: 'agent.note', payload: { text: texts.payload, [texts.payload]: true } },
  });
  await fillSchedules(t, texts);
  const outputs = join(t.app.config.workspace, 'outputs');
  await mkdir(outputs, { recursive: true });
  await writeFile(join(outputs, 'offers__2026-11-22_10-00-00.md'), texts.output);
  await t.app.beat('test');
  await worker.stop(0);

  return {
    views: [
      '/',
      '/proposals?status=any',
      `/proposals/${edited.proposal.id}`,
      '/missions',
      `/missions/${failed.mission?.mission.id}`,
      '/events',
      '/policy',
      '/policy/plans',
      '/agents',
      '/agents/research',
      '/schedules',
      '/schedules/nightly',
      '/workers',
      '/files',
    ],
    more: [
      `/proposals/${pending.proposal.id}`,
      '/proposals',
      `/proposals/${refused.proposal.id}`,
      `/missions/${done.mission?.mission.id}`,
      '/schedules/resting',
      '/policy/daily_caps',
      '/policy/retention',
    ],
  };
}

/** One that has proposed, and one that is paused. */
async function fillSchedules(t: TestApp, texts: Texts): Promise<void> {
  const { database } = t.app;
  await database.query('delete from ops_schedules');
  const text = { agent_id: 'research', kind: 'analysis', title: texts.title, body: texts.body };
  await addSchedule(
    database,
    { name: 'nightly', ...text, cron: '30 2 * * *', timezone: 'Europe/Berlin' },
    'test',
  );
  await database.query(
    `update ops_schedules set next_due_at = next_due_at - interval '2 days', next_run_at = next_run_at - interval '2 days'`,
  );
  await takeDue({ database, propose: t.app.propose }, new Date(), []);
  await addSchedule(database, { name: 'resting', ...text, every_seconds: 900 }, 'test');
  await pauseSchedule(database, 'resting', 'test');
}
