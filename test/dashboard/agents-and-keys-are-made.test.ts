import { expect, test } from 'vitest';
import { findAgent } from '../../src/agents/agents.ts';
import { useApp } from '../support/app.ts';
import { inBrowser, useBrowser } from '../support/browser.ts';

inBrowser('agents and keys', () => {
  const t = useApp();
  const browser = useBrowser(t);

  test('a key is shown once, works, and is revoked after one question', async () => {
    const tab = await browser.open('/agents');
    await tab.getByRole('button', { name: 'New key' }).click();
    await tab.getByLabel('Name', { exact: true }).fill('build server');
    await tab.getByLabel('It speaks for').selectOption('coder');
    // What only operators may is not offered for an agent.
    expect(await tab.getByLabel('approve, reject, cancel, retry').count()).toBe(0);
    await tab.getByRole('button', { name: 'Make the key' }).click();
    const key = await tab.getByRole('dialog', { name: 'The key' }).locator('code').innerText();
    expect((await t.request('/api/ops/proposals', { key })).status).toBe(200);
    // It would be gone for good.
    await tab.keyboard.press('Escape');
    await tab.getByRole('button', { name: 'I have kept it' }).click();
    expect(await tab.getByText(key).count()).toBe(0);

    await tab.getByRole('button', { name: /^Revoke build server/ }).click();
    await tab.getByRole('button', { name: 'Revoke the key' }).click();
    await tab.getByRole('row').filter({ hasText: 'build server' }).getByText('revoked').waitFor();
    expect((await t.request('/api/ops/proposals', { key })).status).toBe(401);
  });

  test('an agent is made, edited without touching the rest, and not made a second time', async () => {
    const tab = await browser.open('/agents');
    await tab.getByRole('button', { name: 'New agent' }).click();
    await tab.getByLabel('Id').fill('coder');
    await tab.getByText('There is an agent "coder" already').first().waitFor();
    await tab.getByLabel('Id').fill('writer');
    await tab.getByLabel('Display name').fill('Writer');
    await tab.getByRole('button', { name: 'Save' }).click();
    await tab.getByRole('heading', { name: 'Agent writer' }).waitFor();

    await tab.getByRole('button', { name: 'Edit' }).click();
    await tab.getByLabel('Model').fill('ollama:qwen3');
    await tab.getByRole('button', { name: 'Save' }).click();
    await tab.getByText('ollama:qwen3').waitFor();
    expect(await findAgent(t.database, 'writer')).toMatchObject({
      display_name: 'Writer',
      role: null,
      model_override: 'ollama:qwen3',
    });
  });
});
