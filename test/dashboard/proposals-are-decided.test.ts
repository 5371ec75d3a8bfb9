import { expect, test } from 'vitest';
import { getProposal } from '../../src/proposals/proposals.ts';
import { useApp } from '../support/app.ts';
import { inBrowser, useBrowser } from '../support/browser.ts';
import { openPolicy, proposer } from '../support/loop.ts';

inBrowser('proposals are decided', () => {
  const t = useApp();
  const browser = useBrowser(t);
  const propose = async (title: string, body: string | null = 'One fact.') => {
    await openPolicy(t.database, []);
    return (await proposer(t.database)({ title, body, kind: 'content' })).proposal;
  };
  const decided = (id: string) => getProposal(t.database, id);

  test('one is approved from its page, and shows its mission', async () => {
    const { id } = await propose('Write the letter');
    const tab = await browser.open(`/proposals/${id}`);
    await tab.getByRole('button', { name: 'Approve', exact: true }).click();
    await tab.getByLabel('Reason').fill('go on');
    await tab.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
    await tab.getByRole('definition').filter({ hasText: 'approved' }).first().waitFor();
    await tab.getByRole('link', { name: 'Write the letter' }).waitFor();
    expect(await decided(id)).toMatchObject({ status: 'approved', decision: { reason: 'go on' } });
  });

  test('one is rejected with a reason', async () => {
    const { id } = await propose('Name our competitor');
    const tab = await browser.open(`/proposals/${id}`);
    await tab.getByRole('button', { name: 'Reject' }).click();
    await tab.getByLabel('Reason').fill('We do not name others.');
    await tab.getByRole('dialog').getByRole('button', { name: 'Reject' }).click();
    await tab.getByText('We do not name others.').first().waitFor();
    expect(await decided(id)).toMatchObject({ status: 'rejected' });
    // What is decided cannot be decided again, and the button says why.
    const button = tab.getByRole('button', { name: 'Approve', exact: true });
    expect(await button.getAttribute('aria-disabled')).toBe('true');
    expect(await button.getAttribute('title')).toContain('rejected already');
  });

  test('one is edited and approved, and the original is kept beside it', async () => {
    const { id } = await propose('Shout at everybody', 'LOUD');
    const tab = await browser.open(`/proposals/${id}`);
    await tab.getByRole('button', { name: 'Edit and approve' }).click();
    await tab.getByLabel('Title', { exact: true }).fill('Speak to everybody');
    await tab.getByLabel('Body', { exact: true }).fill('calm');
    await tab.getByRole('button', { name: 'Approve as edited' }).click();
    await tab.getByRole('heading', { name: 'As it was proposed' }).waitFor();
    expect(await decided(id)).toMatchObject({
      status: 'approved',
      title: 'Speak to everybody',
      body: 'calm',
      original: { title: 'Shout at everybody', body: 'LOUD' },
    });
  });

  test('several are decided at once, by the keyboard alone', async () => {
    const ids = [];
    for (const name of ['First', 'Second', 'Third', 'Fourth'])
      ids.push((await propose(`${name} of four`)).id);
    const tab = await browser.open('/proposals?q=of+four');
    await tab.getByRole('link', { name: 'Fourth of four' }).waitFor();
    const { keyboard } = tab;
    await keyboard.press('j');
    await keyboard.press('x');
    await keyboard.press('j');
    await keyboard.press('x');
    await keyboard.press('a');
    await tab.getByRole('dialog', { name: 'Approve 2 proposals?' }).waitFor();
    await keyboard.type('by hand');
    await keyboard.press('Enter');
    await tab.getByRole('dialog').waitFor({ state: 'detached' });
    await tab.getByRole('link', { name: 'Second of four' }).waitFor({ state: 'detached' });
    // The focus has gone on to what is left.
    await keyboard.press('r');
    await tab.getByRole('dialog', { name: 'Reject this proposal?' }).waitFor();
    await keyboard.press('Escape');
    // A closed one has no role any more, a moment before it is gone.
    await tab.locator('dialog').waitFor({ state: 'detached' });
    await keyboard.press('r');
    await tab.getByRole('dialog').waitFor();
    await keyboard.press('Enter');
    await tab.getByRole('link', { name: 'Third of four' }).waitFor({ state: 'detached' });
    const states = await Promise.all(ids.map(async (id) => (await decided(id)).status));
    expect(states).toEqual(['approved', 'approved', 'rejected', 'pending']);
    await keyboard.press('/');
    await keyboard.press('End');
    await keyboard.type('!');
    await keyboard.press('Enter');
    await tab.getByText('Nothing waits for a decision').waitFor();
    expect(new URL(tab.url()).searchParams.get('q')).toBe('of four!');
  });

  test('what was decided elsewhere leaves the inbox, and what comes appears, without a reload', async () => {
    const { id } = await propose('Decided by somebody else');
    const tab = await browser.open('/proposals?q=somebody');
    await tab.getByRole('link', { name: 'Decided by somebody else' }).waitFor();
    await propose('New for somebody');
    await tab.getByRole('link', { name: 'New for somebody' }).waitFor();
    await t.request(`/api/ops/proposals/${id}/reject`, { method: 'POST', json: {} });
    await tab.getByRole('link', { name: 'Decided by somebody else' }).waitFor({ state: 'detached' });
  });

  test('one is made, through the gates', async () => {
    await openPolicy(t.database, []);
    const tab = await browser.open('/proposals');
    await tab.getByRole('button', { name: 'New proposal' }).click();
    await tab.getByLabel('Kind').last().fill('deploy');
    await tab.getByLabel('Title', { exact: true }).fill('Made by hand');
    await tab.getByRole('button', { name: 'Propose' }).click();
    await tab.getByRole('heading', { name: 'Made by hand' }).waitFor();
    await tab.getByText('daily_caps.per_agent').waitFor();
  });

  test('closing the question stops what is not decided yet', async () => {
    const ids: string[] = [];
    for (const name of ['One', 'Two', 'Three']) ids.push((await propose(`${name} of a batch`)).id);
    const tab = await browser.open('/proposals?q=of+a+batch');
    await tab.getByRole('link', { name: 'Three of a batch' }).waitFor();
    for (const box of await tab.getByRole('checkbox').all()) await box.check();
    let asked = 0;
    await tab.route('**/approve', async (route) => {
      asked++;
      await tab.keyboard.press('Escape');
      await tab.getByRole('dialog').waitFor({ state: 'detached' });
      await route.continue();
    });
    await tab.getByRole('button', { name: 'Approve 3' }).click();
    await tab.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
    await expect.poll(async () => (await decided(ids[0] ?? '')).status).toBe('approved');
    await tab.getByRole('link', { name: 'One of a batch' }).waitFor({ state: 'detached' });
    expect(asked).toBe(1);
    expect((await decided(ids[1] ?? '')).status).toBe('pending');
  });

  test('while the server is away it says that nothing is known of what was tried', async () => {
    const { id } = await propose('Nobody hears me');
    const tab = await browser.open(`/proposals/${id}`);
    await tab.getByRole('button', { name: 'Approve', exact: true }).click();
    await tab.context().setOffline(true);
    await tab.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
    await tab.getByRole('dialog').getByText('The server does not answer').waitFor();
    await tab.context().setOffline(false);
    expect((await decided(id)).status).toBe('pending');
    tab.complaints = tab.complaints.filter((complaint) => !complaint.includes('ERR_'));
  });

  test('characters that hide or turn are told beside the field, and taken out', async () => {
    const { id } = await propose('pay\u202Eexe.txt\u200B now');
    const tab = await browser.open(`/proposals/${id}`);
    await tab.getByRole('button', { name: 'Edit and approve' }).click();
    await tab.getByRole('alert').getByText('U+202E, U+200B').waitFor();
    await tab.getByRole('button', { name: 'Take them out' }).click();
    expect(await tab.getByLabel('Title', { exact: true }).inputValue()).toBe('payexe.txt now');
  });

  test('a key that may not approve learns why', async () => {
    const { id } = await propose('Read only');
    const tab = await browser.open(`/proposals/${id}`, { key: { scopes: ['read'], name: 'watcher' } });
    const button = tab.getByRole('button', { name: 'Approve', exact: true });
    expect(await button.getAttribute('aria-disabled')).toBe('true');
    expect(await button.getAttribute('title')).toBe(
      'This needs a key with the scope approve; "watcher" has read.',
    );
    await button.click({ force: true });
    expect(await tab.getByRole('dialog').count()).toBe(0);
  });
});
