import { cut } from '../cut.ts';
import type { Message } from '../message.ts';

const LONGEST = 4_000;

/** https://core.telegram.org/bots/api#sendmessage; without a parse_mode, so text is text. */
export function telegram({ title, text, links }: Message, options: Record<string, string | number>) {
  // Telegram refuses buttons that lead to this machine.
  const buttons = [
    ...(isReachable(links.decide) ? [{ text: 'Decide', url: links.decide }] : []),
    ...(isReachable(links.view) ? [{ text: 'Look', url: links.view }] : []),
  ];
  const rest = buttons.length > 0 ? '' : [links.decide, links.view].filter((url) => url !== null).join('\n');
  return {
    chat_id: options['chat_id'],
    text: cut(`${title}\n${text}`, LONGEST) + (rest === '' ? '' : `\n\n${rest}`),
    link_preview_options: { is_disabled: true },
    ...(buttons.length === 0 ? {} : { reply_markup: { inline_keyboard: [buttons] } }),
  };
}

function isReachable(url: string | null): url is string {
  return url !== null && new URL(url).protocol === 'https:';
}
