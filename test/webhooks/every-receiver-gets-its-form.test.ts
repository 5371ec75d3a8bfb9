import { expect, test } from 'vitest';
import type { Message } from '../../src/webhooks/message.ts';
import { FORMS } from '../../src/webhooks/templates/all.ts';

const HOSTILE = '<!channel> @everyone [x](http://evil.example) *bold* <b>&amp;</b> `code`';
const message = (change: Partial<Message> = {}): Message => ({
  topic: 'proposal.pending',
  at: '2026-03-01T10:00:00.000Z',
  title: 'Waits for a decision',
  text: HOSTILE,
  links: { view: 'https://ops.example/proposals/1', decide: 'https://ops.example/decide#opd_x' },
  urgent: false,
  proposal: null,
  missionId: null,
  ...change,
});

test('ntfy gets JSON for its root, with buttons', () => {
  expect(FORMS.ntfy(message({ urgent: true }), { topic: 'mine' })).toEqual({
    topic: 'mine',
    title: 'opsloop: Waits for a decision',
    message: HOSTILE,
    priority: 4,
    click: 'https://ops.example/decide#opd_x',
    actions: [
      { action: 'view', label: 'Decide', url: 'https://ops.example/decide#opd_x' },
      { action: 'view', label: 'Look', url: 'https://ops.example/proposals/1' },
    ],
  });
});

test('Telegram gets plain text, and buttons only where it takes them', () => {
  const sent = FORMS.telegram(message(), { chat_id: 42 }) as Record<string, unknown>;
  expect(sent).toMatchObject({
    chat_id: 42,
    text: `Waits for a decision\n${HOSTILE}`,
    reply_markup: { inline_keyboard: [[{ text: 'Decide' }, { text: 'Look' }]] },
  });
  expect(sent).not.toHaveProperty('parse_mode');
  const local = message({ links: { view: 'http://127.0.0.1:8787/', decide: null } });
  expect(FORMS.telegram(local, { chat_id: 42 })).toMatchObject({
    text: expect.stringContaining('http://127.0.0.1:8787/'),
  });
  expect(FORMS.telegram(local, { chat_id: 42 })).not.toHaveProperty('reply_markup');
  const long = FORMS.telegram(message({ text: 'x'.repeat(10_000) }), {}) as { text: string };
  expect(long.text.length).toBeLessThanOrEqual(4_096);
});

test('Slack gets plain text in its blocks, and nothing that it would act on beside them', () => {
  const sent = FORMS.slack(message(), {}) as {
    text: string;
    blocks: { text?: { type: string; text: string } }[];
  };
  expect(sent.text).toContain('&lt;!channel&gt;');
  expect(sent.text).not.toContain('<!channel>');
  expect(sent.blocks[1]?.text).toMatchObject({ type: 'plain_text', text: HOSTILE });
  const long = FORMS.slack(message({ text: 'x'.repeat(10_000) }), {}) as typeof sent;
  expect(long.blocks[1]?.text?.text.length).toBeLessThanOrEqual(3_000);
});

test('Discord mentions nobody and shows markup as it is', () => {
  const sent = FORMS.discord(message({ text: 'x'.repeat(9_000) }), {}) as {
    embeds: { description: string }[];
  };
  expect(sent).toMatchObject({ allowed_mentions: { parse: [] } });
  expect(sent.embeds[0]?.description.length).toBeLessThanOrEqual(4_096);
  const hostile = FORMS.discord(message(), {}) as typeof sent;
  expect(hostile.embeds[0]?.description).toContain('\\[x\\]\\(http');
  expect(hostile.embeds[0]?.description).toContain('[Decide](https://ops.example/decide#opd_x)');
});

test.each(['slack', 'telegram', 'discord'] as const)('no character is cut in half for %s', (name) => {
  for (const before of ['', 'x']) {
    const sent = FORMS[name](message({ text: before + '🚀'.repeat(4_000) }), { chat_id: 1 });
    expect(JSON.stringify(sent)).not.toMatch(/\\ud[89a-f]/);
  }
});

test('a text full of marks is not too long for Discord', () => {
  const sent = FORMS.discord(message({ text: '[*]'.repeat(3_000) }), {}) as {
    embeds: { description: string }[];
  };
  expect(sent.embeds[0]?.description.length).toBeLessThanOrEqual(4_096);
});

test('a test and a problem have no proposal, and every form takes them', () => {
  for (const [name, form] of Object.entries(FORMS)) {
    const sent = form(message({ links: { view: null, decide: null } }), { topic: 't', chat_id: 1 });
    expect([name, JSON.parse(JSON.stringify(sent))]).toEqual([name, expect.any(Object)]);
  }
});
