import type { Message } from '../message.ts';

/** https://docs.ntfy.sh/publish/#publish-as-json: the address is the server's root. */
export function ntfy({ title, text, links, urgent }: Message, options: Record<string, string | number>) {
  const actions = [
    ...(links.decide === null ? [] : [{ action: 'view', label: 'Decide', url: links.decide }]),
    ...(links.view === null ? [] : [{ action: 'view', label: 'Look', url: links.view }]),
  ];
  return {
    topic: String(options['topic']),
    title: `opsloop: ${title}`,
    message: text,
    priority: urgent ? 4 : 3,
    ...(links.view === null ? {} : { click: links.decide ?? links.view }),
    ...(actions.length === 0 ? {} : { actions }),
  };
}
