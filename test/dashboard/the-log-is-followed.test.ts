import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { signChainEnd } from '../../src/events/proof/sign.ts';
import { useApp } from '../support/app.ts';
import { axe, inBrowser, type Tab, useBrowser } from '../support/browser.ts';
import { proposer, sealAll } from '../support/loop.ts';
import { sealSome, tamper } from '../support/sealed-log.ts';

inBrowser('the log', () => {
  const t = useApp();
  const browser = useBrowser(t, { pingMs: 300 });

  const rows = (tab: Tab) => tab.getByRole('button', { name: /^Event \d+$/ });
  const seqs = async (tab: Tab) =>
    (await rows(tab).allTextContents()).map((text) => Number(text.replaceAll(/\D/g, '')));
  const head = async () => (await t.app.health()).events.seq;
  const reaches = (tab: Tab, seq: number) =>
    tab.getByRole('button', { name: `Event ${seq}`, exact: true }).waitFor();

  test('it is followed, held and gone on with, and nothing is missing', async () => {
    await sealSome(t.database, 30);
    const tab = await browser.open('/events');
    await tab.getByText('Follows the log.').waitFor();
    await reaches(tab, await head());
    await tab.getByRole('button', { name: 'Pause' }).click();
    const before = await head();
    await sealSome(t.database, 7);
    await tab.getByText('7 wait.').waitFor();
    expect((await seqs(tab))[0]).toBe(before);
    await tab.getByRole('button', { name: 'Resume' }).click();
    await reaches(tab, before + 7);
    const shown = await seqs(tab);
    expect(shown).toEqual(shown.map((_, index) => before + 7 - index));
  });

  test('an open row shows the payload and holds the list; a button of it narrows the list', async () => {
    const { proposal } = await proposer(t.database)({ title: 'Seen in the log', kind: 'content' });
    await sealSome(t.database, 1);
    const tab = await browser.open('/events?kind=proposal.');
    await rows(tab).first().press('Enter');
    await tab.getByText('Held while you read.').waitFor();
    await tab
      .getByRole('region', { name: /^Payload of event/ })
      .getByText('Seen in the log')
      .waitFor();
    expect(await axe(tab)).toEqual([]);
    await tab.getByRole('button', { name: 'Only of this proposal' }).click();
    await tab.waitForURL(`**/events?proposal_id=${proposal.id}`);
    await tab.getByText('Follows the log.').waitFor();
    expect(await tab.evaluate('document.activeElement === document.body')).toBe(false);
    await tab
      .getByRole('link', { name: /^proposal / })
      .first()
      .click();
    await tab.waitForURL(`**/proposals/${proposal.id}`);
  });

  test('filters stand in the address, hold for what comes, and say when nothing is like that', async () => {
    const tab = await browser.open('/events');
    await tab.getByLabel('Kind, or a group').fill('nothing.');
    await tab.getByLabel('Kind, or a group').press('Enter');
    await tab.waitForURL('**/events?kind=nothing.');
    await tab.getByText('No event is like that.').waitFor();
    await tab.getByRole('button', { name: 'Show every event' }).click();
    await tab.getByLabel('About').selectOption('proposal');
    await tab.waitForURL('**/events?entity=proposal');
    await proposer(t.database)({ title: 'One more', kind: 'content' });
    await sealAll(t.database);
    const others = await head();
    await sealSome(t.database, 3);
    await expect.poll(async () => (await seqs(tab))[0]).toBe(others);
    await tab.getByLabel('Kind, or a group').fill('no kind!');
    await tab.getByLabel('Kind, or a group').press('Enter');
    await tab.getByRole('alert').getByText('a kind such as step.failed').waitFor();
    tab.complaints = tab.complaints.filter((complaint) => !complaint.includes('400'));
  });

  test('ten thousand rows are a few in the page, read from page to page', async () => {
    await sealSome(t.database, 10_500);
    const tab = await browser.open('/events');
    const shown = tab.getByText(/^[\d,]+ shown/);
    await shown.waitFor();
    for (let count = 600; count <= 10_100; count += 500) {
      await tab.getByRole('button', { name: 'Show older events' }).click();
      await tab.getByText(`${count.toLocaleString('en-GB')} shown`).waitFor();
    }
    expect(await rows(tab).count()).toBeLessThan(60);
    const box = tab.getByRole('region', { name: 'Events' });
    await box.press('End');
    await expect.poll(async () => (await seqs(tab)).at(-1)).toBe((await head()) - 10_099);
  });

  test('what happens while the server is away is there when it is back', async () => {
    const port = await freePort();
    const at = { http: { pingMs: 300 }, port };
    const first = await t.serve(at);
    const key = await t.key({ scopes: ['read'], name: 'reader' });
    const { code } = (await (await t.request('/api/ops/sign-in-codes', { method: 'POST', key })).json()) as {
      code: string;
    };
    const tab = await browser.openSignedOut('/');
    await tab.goto(`${first.url}/events#code=${code}`);
    await reaches(tab, await head());
    const before = await head();
    await first.close();
    await tab.getByText(/^Stale for/).waitFor();
    await sealSome(t.database, 12);
    await t.serve(at);
    await reaches(tab, before + 12);
    const shown = await seqs(tab);
    expect(shown).toEqual(shown.map((_, index) => before + 12 - index));
    tab.complaints = tab.complaints.filter((complaint) => !complaint.includes('ERR_'));
  });

  test('the log is verified, and what is wrong with it is said', async () => {
    await signChainEnd(t.database, t.app.config.home);
    const tab = await browser.open('/events');
    const verify = tab.getByRole('button', { name: 'Verify the log' });
    await verify.click();
    await tab.getByText('The log is what was sealed.').waitFor();
    await t.database.transaction((tx) =>
      tamper(tx, `update ops_events set kind = 'x' where id = (select max(id) - 5 from ops_events)`),
    );
    await verify.click();
    await tab.getByText('The log is NOT what was sealed.').waitFor();
    await tab.getByText('altered').first().waitFor();
    expect(await axe(tab)).toEqual([]);
  });

  test('a key that may not verify sees why', async () => {
    const tab = await browser.open('/events', { key: { scopes: ['read'], name: 'reader' } });
    const verify = tab.getByRole('button', { name: 'Verify the log' });
    expect(await verify.getAttribute('title')).toContain('needs a key with the scope admin');
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
