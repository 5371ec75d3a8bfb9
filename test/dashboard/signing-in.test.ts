import { expect, test } from 'vitest';
import { useApp } from '../support/app.ts';
import { axe, inBrowser, useBrowser } from '../support/browser.ts';

inBrowser('signing in', () => {
  const t = useApp({ parts: { heartbeat: true } });
  const browser = useBrowser(t, { pingMs: 300 });

  test('a code in the address signs in, once, and does not stay there', async () => {
    const tab = await browser.open('/proposals');
    await tab.getByRole('heading', { name: 'Proposals', level: 1 }).waitFor();
    expect(tab.url()).toBe(`${browser.url}/proposals`);
    await expect(tab.evaluate('history.length')).resolves.toBeLessThanOrEqual(2);
    await tab.reload();
    await tab.getByRole('heading', { name: 'Proposals', level: 1 }).waitFor();
  });

  test('whoever is not signed in meets the sign-in page, gets in with a key, and is where the address says', async () => {
    const tab = await browser.openSignedOut('/workers');
    await tab.getByRole('heading', { name: 'Sign in to opsloop' }).waitFor();
    expect(await axe(tab)).toEqual([]);
    await tab.getByLabel('Or a key').fill(await t.key({ scopes: ['read'], name: 'by hand' }));
    await tab.getByRole('button', { name: 'Sign in' }).click();
    await tab.getByRole('heading', { name: /^Workers/, level: 1 }).waitFor();
  });

  test('a lost session leads to the sign-in page, and back', async () => {
    const tab = await browser.open('/missions');
    await tab.getByRole('heading', { name: 'Missions', level: 1 }).waitFor();
    await t.database.query("update ops_sessions set expires_at = clock_timestamp() - interval '1 s'");
    await tab.getByRole('link', { name: 'Agents' }).click();
    await tab.getByText('Your session is over').waitFor();
    await tab.getByLabel('Or a key').fill(await t.key({ scopes: ['read'] }));
    await tab.getByRole('button', { name: 'Sign in' }).click();
    await tab.getByRole('heading', { name: /^Agents/, level: 1 }).waitFor();
    // The browser itself tells the console of each refused answer.
    tab.complaints = tab.complaints.filter((complaint) => !complaint.includes('401'));
  });

  test('another tab that signs in as somebody else takes this one along', async () => {
    const tab = await browser.open('/agents');
    const other = await tab.context().newPage();
    await other.goto(browser.url);
    await other.getByText('operator', { exact: true }).click();
    await other.getByRole('button', { name: 'Sign out' }).click();
    await tab.getByRole('heading', { name: 'Sign in to opsloop' }).waitFor();
    await other.getByLabel('Or a key').fill(await t.key({ scopes: ['read'], name: 'watcher' }));
    await other.getByRole('button', { name: 'Sign in' }).click();
    await tab.getByText('watcher', { exact: true }).waitFor();
    await tab.getByText('This needs a key with the scope admin; "watcher" has read.').last().waitFor();
  });

  test('an address with a bad code signs nobody out', async () => {
    const tab = await browser.open('/');
    await tab.getByText('Live', { exact: true }).waitFor();
    await tab.goto(`${browser.url}/policy#code=nonsense`);
    await tab.getByText('The code or key is not valid').waitFor();
    await tab.getByRole('heading', { name: 'Policy', level: 1 }).waitFor();
    tab.complaints = tab.complaints.filter((complaint) => !complaint.includes('401'));
  });

  test('a wrong code says what to do', async () => {
    const tab = await browser.openSignedOut(`/#code=opc_AAAAAAAA_${'A'.repeat(43)}`);
    await tab.getByText('a code is for one use and 60 seconds').waitFor();
    tab.complaints = tab.complaints.filter((complaint) => !complaint.includes('401'));
  });

  test('signing out ends the session on the server too', async () => {
    const tab = await browser.open('/');
    await tab.getByText('Live', { exact: true }).waitFor();
    const open = () => t.database.query('select from ops_sessions where secret_hash is not null');
    const before = (await open()).length;
    await tab.getByText('operator', { exact: true }).click();
    await tab.getByRole('button', { name: 'Sign out' }).click();
    await tab.getByRole('heading', { name: 'Sign in to opsloop' }).waitFor();
    expect((await open()).length).toBe(before - 1);
  });
});
