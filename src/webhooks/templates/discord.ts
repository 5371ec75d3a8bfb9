import { cut } from '../cut.ts';
import type { Message } from '../message.ts';

/** Of 4,096, with each character escaped, and the link. */
const LONGEST = 1_900;
const RED = 0xc0392b;
const BLUE = 0x2c6fbb;

/** https://discord.com/developers/docs/resources/webhook#execute-webhook: markup is taken apart, nobody is mentioned. */
export function discord({ title, text, links, urgent, at }: Message) {
  const decide = links.decide === null ? '' : `\n\n[Decide](${links.decide})`;
  return {
    username: 'opsloop',
    allowed_mentions: { parse: [] },
    embeds: [
      {
        title: `opsloop: ${title}`,
        description: escape(cut(text, LONGEST)) + decide,
        color: urgent ? RED : BLUE,
        timestamp: at,
        ...(links.view === null ? {} : { url: links.view }),
      },
    ],
  };
}

function escape(text: string): string {
  return text.replaceAll(/[\\`*_~|>#[\]()<@:-]/g, (mark) => `\\${mark}`);
}
