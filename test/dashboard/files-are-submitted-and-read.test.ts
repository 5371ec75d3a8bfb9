import { rename } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { useApp } from '../support/app.ts';
import { axe, inBrowser, useBrowser } from '../support/browser.ts';
import { useFiles } from '../support/files.ts';
import { eventually } from '../support/loop.ts';

inBrowser('files', () => {
  const t = useFiles();
  const browser = useBrowser(t);

  test('a task is submitted, worked, and its output read and closed', async () => {
    const tab = await browser.open('/files');
    await tab.getByText('No file was taken yet.').waitFor();
    await tab.getByLabel('Name (may be left out)').fill('compare');
    await tab.getByLabel('Task', { exact: true }).fill('@research: one way is short. The other way is long.');
    await tab.getByRole('button', { name: 'Put into the inbox' }).click();
    await tab.getByText('It is in the inbox as').waitFor();
    await tab
      .getByRole('table', { name: /^Task files/ })
      .getByText('done')
      .waitFor();
    const output = await t.appears('outputs', 'compare__');
    await tab
      .getByRole('table', { name: /^Task files/ })
      .getByRole('link', { name: output })
      .click();
    await tab.waitForURL(`**/files?out=${output}`);
    const panel = tab.getByRole('region', { name: `Output: ${output}` });
    await panel.getByText('The other way is long.').first().waitFor();
    expect(await axe(tab)).toEqual([]);
    await tab.getByRole('button', { name: 'Close' }).click();
    await panel.waitFor({ state: 'detached' });
    expect(await tab.evaluate('document.activeElement === document.body')).toBe(false);
  });

  test('a command that waits leads to its proposal', async () => {
    await t.policy('exec_policy', {
      enabled: true,
      approval_files: false,
      timeout_seconds: 60,
      max_output_bytes: 10_000,
    });
    const tab = await browser.open('/files');
    await tab.getByText('No command waits.').waitFor();
    await t.drop('list.txt', '@ops:\nEXEC: ls -la');
    await tab.getByText('waits for a decision').waitFor();
    await tab
      .getByRole('table', { name: /^Commands that wait/ })
      .getByRole('link', { name: 'ls -la' })
      .click();
    await tab.waitForURL(/\/proposals\//);
  });

  test('files are found by name and state, and one that is not there says so', async () => {
    const tab = await browser.open('/files?status=finished');
    const table = tab.getByRole('table', { name: /^Task files/ });
    await table.getByText('compare.txt').waitFor();
    expect(await table.getByText('list.txt').count()).toBe(0);
    await tab.getByLabel('Name, without .txt').fill('nowhere');
    await tab.getByLabel('Name, without .txt').press('Enter');
    await tab.getByText('No task file is like that.').waitFor();
    expect(new URL(tab.url()).searchParams.get('stem')).toBe('nowhere');
    await tab.goto(`${browser.url}/files?out=nothing.md`);
    await tab.getByRole('alert').getByText('not found').waitFor();
    tab.complaints = tab.complaints.filter((complaint) => !complaint.includes('404'));
  });

  test('names and texts of agents are shown, not obeyed', async () => {
    await t.drop('<b>.txt', 'x');
    await t.drop(
      'evil.txt',
      'A word \u202Ereversed. <img src=x onerror=alert(1)> [here](javascript:alert(1))',
    );
    const output = await t.appears('outputs', 'evil__');
    const tab = await browser.open(`/files?out=${output}`);
    await tab
      .getByRole('region', { name: /^Output/ })
      .getByText('<img src=x')
      .first()
      .waitFor();
    expect(await tab.locator('main img').count()).toBe(0);
    expect(await tab.locator('main a[href^="javascript"]').count()).toBe(0);
    await tab.getByText('<b>.txt: ').waitFor();
  });

  test('signs of another executor are shown, and end with one question', async () => {
    await t.policy('paused', { enabled: true, agents: [] });
    const tab = await browser.open('/files');
    await t.drop('ours.txt', 'a task');
    await tab
      .getByRole('table', { name: /^Task files/ })
      .getByText('ours.txt')
      .waitFor();
    await rename(t.path('inbox', 'ours.txt'), t.path('inbox', 'ours.txt.done'));
    await tab.getByText('No file is taken since').waitFor();
    expect(await axe(tab)).toEqual([]);
    await tab.getByRole('button', { name: 'Take files again' }).click();
    await tab.getByRole('dialog').getByText('Stop it first').waitFor();
    await tab.getByRole('dialog').getByRole('button', { name: 'Take files again' }).click();
    await tab.getByText('No file is taken since').waitFor({ state: 'detached' });
    expect(await tab.evaluate('document.activeElement === document.body')).toBe(false);
    await eventually(async () => t.app.bridge()?.status().halted === null);
  });
});

inBrowser('files of a server without a workspace', () => {
  const t = useApp();
  const browser = useBrowser(t);

  test('it says so', async () => {
    const tab = await browser.open('/files');
    await tab.getByText('This server has no workspace').waitFor();
    await tab.getByText('No file was taken yet.').waitFor();
    expect(await axe(tab)).toEqual([]);
    tab.complaints = tab.complaints.filter((complaint) => !complaint.includes('409'));
  });
});
