// Speaks the wire format of Ollama and answers by what it is asked, so that the day can be run without a model.
import { createServer } from 'node:http';

const PLAN = {
  tasks: [
    { title: 'Collect', prompt: 'Collect three facts about tea.', role: 'research' },
    { title: 'Write', prompt: 'Write two lines about tea.', strict: true },
  ],
};

function answerTo(prompt) {
  if (prompt.includes('Split the goal')) return JSON.stringify(PLAN);
  if (prompt.includes('begin a chain')) return 'The first part.\nNEXT: second part | @coder: go on with it';
  return 'A short answer.';
}

async function answer(request, response) {
  if (request.url === '/api/tags') {
    const model = {
      name: 'demo:latest',
      model: 'demo:latest',
      modified_at: '2026-01-01T00:00:00Z',
      size: 1,
      digest: 'd',
      details: {},
    };
    response.end(JSON.stringify({ models: [model] }));
    return;
  }
  let body = '';
  for await (const chunk of request) body += chunk;
  const content = answerTo(JSON.stringify(JSON.parse(body).messages));
  const line = (members) =>
    `${JSON.stringify({ model: 'demo:latest', created_at: new Date().toISOString(), ...members })}\n`;
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  response.write(line({ message: { role: 'assistant', content }, done: false }));
  response.end(
    line({
      message: { role: 'assistant', content: '' },
      done: true,
      done_reason: 'stop',
      prompt_eval_count: 10,
      eval_count: 5,
    }),
  );
}

const server = createServer((request, response) => void answer(request, response));
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
