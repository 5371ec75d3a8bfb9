import { expect, test } from 'vitest';
import { proposer } from '../support/loop.ts';
import { useApp } from '../support/app.ts';
import { axe, inBrowser, useBrowser } from '../support/browser.ts';
import { callNow, courierParts, onlyWebhook, useReceiver } from '../support/webhooks.ts';

const t = useApp();

inBrowser('a link that decides', () => {
  const browser = useBrowser(t);

  async function pathOfLink(title: string, body: string): Promise<{ id: string; path: string }> {
    const parts = courierParts(t.database);
    const receiver = await useReceiver();
    await onlyWebhook(parts, { url: receiver.url, links: true });
    const { proposal } = await proposer(t.database)({ kind: 'deploy', title, body });
    await callNow(parts);
    const url = new URL(JSON.parse(receiver.asked.at(-1)?.body ?? '').data.decide_url);
    return { id: proposal.id, path: `${url.pathname}${url.hash}` };
  }

  test('it shows the proposal to somebody who is not signed in, and approves when told to', async () => {
    const { id, path } = await pathOfLink(
      'Ship <b>it</b>',
      'To **production**, <img src=x onerror=alert(1)>',
    );
    const tab = await browser.openSignedOut(path, { viewport: { width: 390, height: 800 } });
    await tab.getByRole('heading', { name: 'Ship <b>it</b>' }).waitFor();
    await tab.getByText('production').waitFor();
    // The secret does not stay in the address, and so not in the history.
    expect(new URL(tab.url()).hash).toBe('');
    expect(await axe(tab)).toEqual([]);
    await tab.getByLabel('Reason').fill('on the way');
    await tab.getByRole('button', { name: 'Approve' }).click();
    await tab.getByText('It is approved.').waitFor();
    const [row] = await t.database.query<{ status: string; decision: { reason: string } }>(
      'select status, decision from ops_proposals where id = $1',
      [id],
    );
    expect(row).toMatchObject({
      status: 'approved',
      decision: { reason: expect.stringContaining('on the way') },
    });

    const again = await browser.openSignedOut(path);
    await again.getByText('This link is not valid').waitFor();
    // The browser tells of every answer that is an error.
    await expect.poll(() => again.complaints.splice(0)).toEqual([expect.stringContaining('401')]);
  });

  test('it rejects, too', async () => {
    const { path } = await pathOfLink('Delete it all', 'No.');
    const tab = await browser.openSignedOut(path);
    await tab.getByRole('button', { name: 'Reject' }).click();
    await tab.getByText('It is rejected.').waitFor();
  });

  test('another link that is opened in the same tab shows its own proposal', async () => {
    const first = await pathOfLink('The first one', 'One.');
    const tab = await browser.openSignedOut(first.path);
    await tab.getByRole('button', { name: 'Approve' }).click();
    await tab.getByText('It is approved.').waitFor();
    const second = await pathOfLink('The second one', 'Two.');
    await tab.evaluate(`location.assign(${JSON.stringify(second.path)})`);
    await tab.getByRole('heading', { name: 'The second one' }).waitFor();
    expect(new URL(tab.url()).hash).toBe('');
  });

  test('an address without a link says so', async () => {
    const tab = await browser.openSignedOut('/decide');
    await tab.getByText('This address holds no link').waitFor();
  });
});
