import { cut } from '../cut.ts';
import type { Message } from '../message.ts';

const LONGEST = 2_800;

/** https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks: plain_text, so nothing is marked up. */
export function slack({ title, text, links }: Message) {
  const buttons = [
    ...(links.decide === null ? [] : [button('Decide', links.decide)]),
    ...(links.view === null ? [] : [button('Look', links.view)]),
  ];
  return {
    // What notifications show; here three characters have a meaning.
    text: escape(cut(`${title}: ${text}`, 300)),
    unfurl_links: false,
    blocks: [
      { type: 'header', text: plain(title) },
      { type: 'section', text: plain(cut(text, LONGEST) || '-') },
      ...(buttons.length === 0 ? [] : [{ type: 'actions', elements: buttons }]),
    ],
  };
}

function plain(text: string) {
  return { type: 'plain_text', text, emoji: false };
}

function button(label: string, url: string) {
  return { type: 'button', text: plain(label), url };
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
