import { expect, test } from 'vitest';
import { readPolicyKey, setPolicy } from '../../src/policy/policy.ts';
import { useApp } from '../support/app.ts';
import { inBrowser, useBrowser } from '../support/browser.ts';
import { openPolicy, proposer } from '../support/loop.ts';

inBrowser('policy', () => {
  const t = useApp();
  const browser = useBrowser(t);

  test('a cap is previewed before it is saved, and its history tells of it', async () => {
    await openPolicy(t.database);
    const propose = proposer(t.database);
    for (let n = 0; n < 5; n++) await propose({ title: `Wish ${n}` });
    const tab = await browser.open('/policy/daily_caps');
    await tab.getByLabel('per agent').fill('2');
    await tab.getByRole('button', { name: 'Preview' }).click();
    const changed = tab.getByRole('listitem').filter({ hasText: 'daily_caps.per_agent' });
    await changed.getByText('refused by a gate').waitFor();
    expect((await readPolicyKey(t.database, 'daily_caps')).per_agent).toBe(1_000_000);
    await tab.getByRole('button', { name: 'Save' }).click();
    await tab.getByText('Saved. It holds from now on.').waitFor();
    expect((await readPolicyKey(t.database, 'daily_caps')).per_agent).toBe(2);
    await tab.getByRole('table', { name: 'Changes of daily_caps' }).getByText('"per_agent": 2').waitFor();
  });

  test('a value that is refused stays in the form, with the reason', async () => {
    await openPolicy(t.database);
    const tab = await browser.open('/policy/daily_caps');
    await tab.getByLabel('timezone').fill('Mars/Base');
    await tab.getByRole('button', { name: 'Save' }).click();
    await tab.getByRole('alert').filter({ hasText: 'IANA' }).waitFor();
    expect(await tab.getByLabel('timezone').inputValue()).toBe('Mars/Base');
    tab.complaints = tab.complaints.filter((complaint) => !complaint.includes('422'));
  });

  test('plans are changed by names, and as JSON', async () => {
    await openPolicy(t.database);
    const tab = await browser.open('/policy/plans');
    await tab.getByLabel('New name in plans').fill('letter');
    await tab.getByLabel('New name in plans').press('Enter');
    await tab.getByLabel('letter', { exact: true }).fill('analyze, generate');
    await tab.getByRole('button', { name: 'As JSON' }).click();
    expect(await tab.getByLabel('plans as JSON').inputValue()).toContain('"letter": [');
    await tab.getByRole('button', { name: 'Save' }).click();
    await tab.getByText('Saved.').waitFor();
    expect((await readPolicyKey(t.database, 'plans')).letter).toEqual(['analyze', 'generate']);
  });

  test('a change from elsewhere is shown and does not take away what is being written', async () => {
    await openPolicy(t.database);
    const tab = await browser.open('/policy/tweet_quota');
    await tab.getByLabel('max per day').fill('3');
    await setPolicy(t.database, 'tweet_quota', { max_per_day: 99 }, 'key:somebody');
    await tab.getByText('It was changed elsewhere meanwhile, by key:somebody').waitFor();
    expect(await tab.getByLabel('max per day').inputValue()).toBe('3');
    await tab.getByRole('button', { name: 'Save' }).click();
    await tab.getByRole('alert').filter({ hasText: 'was changed meanwhile by key:somebody' }).waitFor();
    expect(await readPolicyKey(t.database, 'tweet_quota')).toEqual({ max_per_day: 99 });
    tab.complaints = tab.complaints.filter((complaint) => !complaint.includes('409'));
    await tab.getByRole('button', { name: 'Take that value' }).click();
    expect(await tab.getByLabel('max per day').inputValue()).toBe('99');
  });
});
