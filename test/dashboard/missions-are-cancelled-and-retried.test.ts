import { expect, test } from 'vitest';
import { StepError } from '../../src/worker/handler.ts';
import { useApp } from '../support/app.ts';
import { inBrowser, useBrowser } from '../support/browser.ts';
import { openPolicy, proposer } from '../support/loop.ts';
import { handles, useWorker } from '../support/worker.ts';

inBrowser('missions', () => {
  const t = useApp();
  const browser = useBrowser(t);

  test('one is cancelled, says so at once, and goes on in a new one', async () => {
    await openPolicy(t.database);
    const { mission } = await proposer(t.database)({ title: 'Stop me' });
    const tab = await browser.open(`/missions/${mission?.mission.id}`);
    await tab.getByText('No live worker works steps of kind "analyze"').waitFor();
    await tab.getByRole('button', { name: 'Cancel', exact: true }).click();
    await tab.getByLabel('Reason').fill('too dear');
    await tab.getByRole('button', { name: 'Cancel the mission' }).click();
    await tab.getByText('cancelled').first().waitFor();
    await tab.getByRole('button', { name: 'Retry' }).click();
    await tab.getByRole('dialog').getByRole('button', { name: 'Retry' }).click();
    await tab.waitForURL((url) => !url.pathname.endsWith(mission?.mission.id ?? 'x'));
    await tab.getByRole('term').filter({ hasText: 'Continues' }).waitFor();
  });

  test('a mission is followed to its end: attempts, failure, output', async () => {
    await openPolicy(t.database);
    const { mission } = await proposer(t.database)({ title: 'Work me' });
    const tab = await browser.open(`/missions/${mission?.mission.id}`);
    await tab.getByRole('heading', { name: '1. analyze' }).waitFor();
    await useWorker(t.database, {
      llm: t.app.llm,
      handlers: {
        analyze: handles(({ step }) => {
          if (step.attempt === 1) throw new StepError('flaky', 'The first try fails.');
          return { output: { text: '**Strong** words' } };
        }),
      },
    });
    await tab.locator('strong', { hasText: 'Strong' }).waitFor();
    const attempts = tab.getByRole('table', { name: 'Attempts of step 1' });
    await attempts.getByText('The first try fails.').waitFor();
    expect(await attempts.getByRole('row').count()).toBe(3);
    await tab.getByRole('button', { name: 'Show as written' }).click();
    await tab.getByText('**Strong** words', { exact: true }).waitFor();
    await tab.getByRole('link', { name: 'All of them, live' }).waitFor();
  });

  test('the list is filtered by what the address says, and says why one failed', async () => {
    await openPolicy(t.database);
    const { mission } = await proposer(t.database)({ title: 'Failed on purpose' });
    await t.request(`/api/ops/missions/${mission?.mission.id}/cancel`, {
      method: 'POST',
      json: { reason: 'on purpose' },
    });
    const tab = await browser.open('/missions?status=failed&q=on+purpose');
    await tab.getByRole('link', { name: 'Failed on purpose' }).waitFor();
    expect(await tab.getByRole('row').count()).toBe(2);
    await tab.getByLabel('Status').selectOption('completed');
    await tab.getByText('There is no such mission').waitFor();
  });
});
