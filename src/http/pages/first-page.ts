/** What a browser gets at `/`: no script, no inline style, nothing that needs a key. */
export const FIRST_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>opsloop</title>
<link rel="stylesheet" href="/style.css">
<link rel="icon" href="data:,">
</head>
<body>
<main>
<h1>opsloop</h1>
<p>A closed loop for AI agents: agents propose, policy decides, workers act, every change is an event.</p>
<p>This server answers programs. Everything but this page and <code>/api/status</code> needs an API key; the
first start made one for the operator and keeps it in the home of opsloop, where the commands below find it.</p>
<h2>Every day</h2>
<dl>
<dt><code>opsloop run "Compare the three offers" --agent research</code></dt>
<dd>one proposal from start to output</dd>
<dt><code>opsloop proposals --status pending</code></dt>
<dd>what waits for your decision; then <code>opsloop approve</code> or <code>opsloop reject</code></dd>
<dt><code>opsloop why &lt;id&gt;</code></dt>
<dd>what moves an item next, when, and by whom</dd>
<dt><code>opsloop events --follow</code></dt>
<dd>everything that happens, as it happens</dd>
<dt><code>opsloop pause</code> and <code>opsloop resume</code></dt>
<dd>stop all work within seconds, and go on</dd>
<dt><code>opsloop doctor</code></dt>
<dd>what is wrong, and what to do</dd>
</dl>
<h2>For programs</h2>
<p>Send <code>Authorization: Bearer &lt;key&gt;</code>. <code>/openapi.json</code> describes every route,
<code>/metrics</code> is for Prometheus; both need a key with the scope <code>read</code>.</p>
</main>
</body>
</html>
`;

export const STYLE = `:root { color-scheme: light dark; font: 16px/1.55 system-ui, sans-serif; }
body { margin: 0; }
main { max-width: 44rem; margin: 0 auto; padding: 3rem 1.25rem; }
h1 { margin: 0 0 0.5rem; font-size: 1.75rem; }
h2 { margin: 2rem 0 0.5rem; font-size: 1.1rem; }
code { font: 0.92em ui-monospace, monospace; overflow-wrap: anywhere; }
dt { margin-top: 0.75rem; }
dd { margin: 0; opacity: 0.75; }
`;
