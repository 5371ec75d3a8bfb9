/**
 * What a hostile page does to a server on its visitor's machine, by all ways that a browser has. Runs in the page, so
 * it stands for itself and knows nothing of this file.
 * @returns {Promise<{ tried: number, read: string[] }>} `read`: what it got to see, which should be nothing
 */
export async function attackFrom({ target, key }) {
  const found = { tried: 0, read: [] };
  const soon = (most) => new Promise((resolve) => setTimeout(resolve, most));
  const proposal = JSON.stringify({ agent_id: 'pm', kind: 'analysis', title: 'Forged' });
  const posts = [
    ['/api/ops/proposals', proposal],
    ['/api/ops/pause', '{}'],
    ['/api/ops/heartbeat', '{}'],
    ['/api/ops/session', '{}'],
    ['/api/ops/sign-in-codes', '{}'],
    ['/api/ops/keys', '{"name":"x","scopes":["admin"]}'],
    ['/mcp', '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'],
  ];
  const gets = [
    '/api/status',
    '/api/ops/proposals',
    '/openapi.json',
    '/metrics',
    '/api/ops/events/stream?after=0',
  ];
  const waits = [];

  const frame = () => {
    const made = document.createElement('iframe');
    made.name = `f${found.tried}`;
    document.documentElement.append(made);
    return made;
  };
  /** Until it has loaded or failed, or a moment later. */
  const settles = (element) =>
    Promise.race([
      new Promise((resolve) => {
        element.addEventListener('load', resolve);
        element.addEventListener('error', resolve);
      }),
      soon(3_000),
    ]);

  // Forms, which need no permission of anybody. A name and a value can make JSON of text/plain.
  for (const [path, body] of posts)
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      const into = frame();
      const form = document.createElement('form');
      Object.assign(form, { method: 'post', action: target + path, enctype: type, target: into.name });
      const input = document.createElement('input');
      [input.name, input.value] = [`${body.slice(0, -1)}${body === '{}' ? '"x":"' : ',"x":"'}`, '"}'];
      form.append(input);
      document.documentElement.append(form);
      waits.push(settles(into));
      form.submit();
      found.tried++;
    }

  // What can be read is told by whether the promise is kept and what it holds.
  // Our own refusal of a name that is not ours can be read under that name, and holds nothing.
  const isRefusal = (text) => text.includes('"code":"host_not_allowed"');
  const tell = (how) => (text) => {
    if (text !== '' && !isRefusal(text)) found.read.push(`${how}: ${text.slice(0, 200)}`);
  };
  const ask = (how, path, init) => {
    found.tried++;
    waits.push(
      fetch(target + path, { ...init, signal: AbortSignal.timeout(5_000) })
        .then((response) => response.text())
        .then(tell(`${how} ${path}`))
        .catch(() => undefined),
    );
  };
  const bearer = { authorization: `Bearer ${key}` };
  for (const [path, body] of posts) {
    ask('no-cors', path, {
      method: 'POST',
      mode: 'no-cors',
      body,
      headers: { 'content-type': 'text/plain' },
    });
    ask('plain', path, {
      method: 'POST',
      body,
      headers: { 'content-type': 'text/plain' },
      credentials: 'include',
    });
    ask('preflight', path, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', ...bearer },
    });
    navigator.sendBeacon(target + path, new Blob([body], { type: 'text/plain' }));
    const request = new XMLHttpRequest();
    request.open('POST', target + path);
    request.withCredentials = true;
    waits.push(new Promise((resolve) => request.addEventListener('loadend', resolve)));
    request.addEventListener('load', () => tell(`XHR ${path}`)(request.responseText));
    request.send(body);
    found.tried += 2;
  }
  for (const path of gets) {
    ask('GET', path, {});
    ask('GET with the key', path, { headers: bearer });
    ask('GET no-cors', path, { mode: 'no-cors' });
  }
  for (const [method, path] of [
    ['DELETE', '/api/ops/session'],
    ['DELETE', '/api/ops/keys/AAAAAAAA'],
    ['PUT', '/api/ops/policy/paused'],
    ['PATCH', '/api/ops/policy/paused'],
  ])
    ask(method, path, { method, headers: bearer });

  // Things that load without asking anybody.
  for (const path of gets.slice(0, 4))
    for (const tag of ['img', 'script', 'link', 'iframe', 'object', 'embed', 'audio', 'video']) {
      const element = document.createElement(tag);
      if (tag === 'link') Object.assign(element, { rel: 'stylesheet', href: target + path });
      else if (tag === 'object') Object.assign(element, { data: target + path });
      else Object.assign(element, { src: target + path });
      document.documentElement.append(element);
      waits.push(settles(element));
      found.tried++;
    }

  // Connections that last.
  const events = new EventSource(`${target}/api/ops/events/stream?after=0`, { withCredentials: true });
  events.addEventListener('open', () => found.read.push('EventSource'));
  const socket = new WebSocket(`${target.replace('http', 'ws')}/api/ops/events/stream`);
  socket.addEventListener('open', () => found.read.push('WebSocket'));
  found.tried += 2;

  // A page without an origin: a frame in a sandbox, which cannot tell us but by a message.
  const sandboxed = document.createElement('iframe');
  sandboxed.setAttribute('sandbox', 'allow-scripts allow-forms');
  const inner = `
    const bearer = { authorization: ${JSON.stringify(bearer.authorization)} };
    Promise.all(${JSON.stringify(posts)}.flatMap(([path, body]) => [
      fetch(${JSON.stringify(target)} + path, { method: 'POST', body, mode: 'no-cors' }),
      fetch(${JSON.stringify(target)} + path, { method: 'POST', body, headers: { 'content-type': 'application/json', ...bearer } }),
      fetch(${JSON.stringify(target)} + '/api/ops/proposals', { headers: bearer }),
    ].map((one) => one.then((response) => response.text()).catch(() => '')))).then((texts) => parent.postMessage(texts.join(''), '*'));`;
  sandboxed.srcdoc = `<script>${inner.replaceAll('</', '<\\/')}</script>`;
  const fromSandbox = new Promise((resolve) =>
    window.addEventListener('message', ({ data }) => {
      tell('sandbox')(String(data));
      resolve();
    }),
  );
  document.documentElement.append(sandboxed);
  found.tried += 3 * posts.length;

  // The operator's own page in a window of ours: it takes no messages, and shows nothing of itself.
  const opened = window.open(`${target}/proposals`, '_blank');
  await Promise.all([...waits, Promise.race([fromSandbox, soon(5_000)])]);
  opened?.postMessage({ code: 'x', token: 'x' }, '*');
  try {
    if (!isRefusal(opened?.document.body.textContent ?? '')) found.read.push('the window');
  } catch {
    // As it should be.
  }
  opened?.close();
  events.close();
  socket.close();
  return found;
}
