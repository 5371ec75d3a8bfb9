import { expect, test } from 'vitest';
import { getSchedule, pauseSchedule } from '../../src/schedules/schedules.ts';
import { useApp } from '../support/app.ts';
import { axe, inBrowser, useBrowser } from '../support/browser.ts';
import { add, date, partsOf, takeAll } from '../support/schedules.ts';

inBrowser('schedules', () => {
  const t = useApp();
  const browser = useBrowser(t);

  test('one is added, with its next five times, paused, resumed, and removed after one question', async () => {
    const tab = await browser.open('/schedules');
    await tab.getByText('There is none yet').waitFor();
    await tab.getByRole('button', { name: 'New schedule' }).click();
    expect(await axe(tab)).toEqual([]);
    await tab.getByLabel('Name', { exact: true }).fill('standup');
    await tab.getByLabel('Cron').fill('30 2 30 2 *');
    await tab.getByLabel('Time zone').fill('Europe/Berlin');
    await tab.getByLabel('For the agent').selectOption('qa');
    await tab.getByLabel('Title').fill('What changed?');
    await tab.getByRole('button', { name: 'Add the schedule' }).click();
    await tab.getByRole('alert').getByText('never comes').waitFor();
    tab.complaints = tab.complaints.filter((complaint) => !complaint.includes('400'));
    await tab.getByLabel('Cron').fill('30 8 * * 1-5');
    await tab.getByRole('button', { name: 'Add the schedule' }).click();

    await tab.getByRole('heading', { name: 'Schedule standup' }).waitFor();
    await tab
      .getByText(/08:30:00/)
      .nth(4)
      .waitFor();
    expect(await getSchedule(t.database, 'standup')).toMatchObject({
      agent_id: 'qa',
      cron: '30 8 * * 1-5',
      timezone: 'Europe/Berlin',
      missed: 'once',
    });
    await tab.getByRole('button', { name: 'Pause' }).click();
    await tab.getByText('None while it is paused.').waitFor();
    await tab.getByRole('button', { name: 'Resume' }).click();
    await tab
      .getByText(/08:30:00/)
      .first()
      .waitFor();

    await tab.getByRole('button', { name: 'Remove', exact: true }).click();
    await tab.getByRole('button', { name: 'Remove the schedule' }).click();
    await tab.getByText('There is none yet').waitFor();
  });

  test('one that comes once says when, also while it is paused', async () => {
    const { name } = await add(t.database, { at: '2099-12-24T12:00:00Z' });
    await pauseSchedule(t.database, name, 'test');
    const tab = await browser.open('/schedules');
    await tab.getByRole('row').filter({ hasText: name }).getByText('24 Dec 2099, 12:00:00 UTC').waitFor();
  });

  test('what it proposes appears by itself, in the list and on its page', async () => {
    const row = await add(t.database, { every_seconds: 3_600, title: 'Look at the shop' });
    const tab = await browser.open(`/schedules/${row.name}`);
    await tab.getByText('There was none yet.').waitFor();
    await date(t.database, row.name, new Date());
    await takeAll([partsOf(t.app.database)], new Date(Date.now() + 1_000));
    await tab
      .getByRole('region', { name: 'The last proposals' })
      .getByRole('link', { name: 'Look at the shop' })
      .waitFor();
    await tab.getByRole('link', { name: 'Schedules', exact: true }).click();
    await tab.getByRole('row').filter({ hasText: 'every 1 h' }).getByText('waiting').waitFor();
  });
});
