/** One message of a text/event-stream (WHATWG HTML, 9.2.6), as far as our server uses it. */
export type StreamMessage = { id?: string; event: string; data: string };

/** The messages of an answer of server-sent events, one after the other; ends with the connection. */
export async function* messagesOf(response: Response): AsyncGenerator<StreamMessage> {
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      const blocks = (rest + read.value).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) yield parseMessage(block);
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function parseMessage(block: string): StreamMessage {
  const message: StreamMessage = { event: 'message', data: '' };
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const value = line.slice(colon + 1).replace(/^ /, '');
    const field = line.slice(0, colon);
    if (field === 'id') message.id = value;
    if (field === 'event') message.event = value;
    if (field === 'data') message.data += message.data === '' ? value : `\n${value}`;
  }
  return message;
}
