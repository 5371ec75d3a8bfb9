import { expect, test } from 'vitest';
import { useApp } from '../support/app.ts';
import { axe, inBrowser, useBrowser } from '../support/browser.ts';
import { openPolicy, proposer } from '../support/loop.ts';
import { handles, useLlm, useWorker } from '../support/worker.ts';

inBrowser('workers and heartbeat', () => {
  const t = useApp({ parts: { heartbeat: true } });
  const browser = useBrowser(t);

  test('a worker comes, shows what it holds, and goes', async () => {
    await openPolicy(t.database);
    const tab = await browser.open('/workers');
    await tab.getByText('No worker is alive').waitFor();
    const { mission } = await proposer(t.database)({ title: 'A long look' });
    let end = () => undefined as void;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const worker = await useWorker(t.database, {
      llm: await useLlm(t.database),
      handlers: {
        analyze: handles(async () => {
          await ended;
          return { output: { text: 'done' } };
        }),
      },
    });
    const card = tab.getByRole('article', { name: /^Worker / });
    await card.getByText('alive').waitFor();
    await card.getByText('analyze').first().waitFor();
    const held = card.getByRole('list', { name: 'What it holds' });
    await held.getByRole('link').first().waitFor();
    expect(await held.getByRole('link').first().getAttribute('href')).toBe(
      `/missions/${mission?.mission.id}`,
    );
    end();
    await card.getByText('Holds nothing now.').waitFor();
    await worker.stop(0);
    await tab.getByText('No worker is alive').waitFor();
    await tab.getByText('All of them in order').click();
    await tab.getByRole('row').getByText('stopped').first().waitFor();
  });

  test('everything is paused after one question, and resumed', async () => {
    const tab = await browser.open('/workers');
    await tab.getByRole('button', { name: 'Pause everything' }).click();
    const dialog = tab.getByRole('dialog', { name: 'Pause everything?' });
    await dialog.getByText('broken off within 5 seconds').waitFor();
    expect(await axe(tab)).toEqual([]);
    await tab.keyboard.press('Escape');
    expect((await t.app.health()).paused.enabled).toBe(false);
    await tab.getByRole('button', { name: 'Pause everything' }).click();
    await dialog.getByRole('button', { name: 'Pause everything' }).click();
    const resume = tab.getByRole('button', { name: 'Resume everything' });
    await resume.waitFor();
    expect(await resume.evaluate((element) => element === element.ownerDocument.activeElement)).toBe(true);
    await resume.click();
    await tab.getByRole('button', { name: 'Pause everything' }).waitFor();
    expect((await t.app.health()).paused.enabled).toBe(false);
  });

  test('one agent is paused and resumed, and the focus stays', async () => {
    const tab = await browser.open('/workers');
    await tab.getByLabel('Agent').selectOption('research');
    await tab.getByRole('button', { name: 'Pause it' }).click();
    await tab.getByRole('button', { name: 'Pause the agent' }).click();
    const resume = tab.getByRole('button', { name: 'Resume research' });
    await resume.waitFor();
    expect((await t.app.health()).paused.agents).toEqual(['research']);
    await resume.click();
    await resume.waitFor({ state: 'detached' });
    expect(await tab.evaluate('document.activeElement === document.body')).toBe(false);
    expect((await t.app.health()).paused.agents).toEqual([]);
  });

  test('a beat is run, and stands among the last ones', async () => {
    const tab = await browser.open('/workers');
    await tab.getByRole('button', { name: 'Run a beat now' }).click();
    await tab.getByText('The beat is done').waitFor();
    await tab.getByRole('table', { name: 'What the beat did' }).getByText('recoverStaleSteps').waitFor();
    const last = tab.getByRole('region', { name: 'The last beats' });
    await last.getByText('asked by').first().click();
    await last.getByRole('cell', { name: 'recoverStaleSteps' }).waitFor();
  });

  test('a key without the scope sees why nothing can be pressed', async () => {
    const tab = await browser.open('/workers', { key: { scopes: ['read'], name: 'reader' } });
    for (const name of ['Pause everything', 'Run a beat now']) {
      const button = tab.getByRole('button', { name });
      await button.waitFor();
      expect(await button.getAttribute('title')).toContain('needs a key with the scope admin');
    }
  });
});
