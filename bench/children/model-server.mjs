import { createServer } from 'node:http';
import { offer } from '../lib/children.mjs';
import { nowMs } from '../lib/clock.mjs';
import { percentiles } from '../lib/report.mjs';

/** A server that speaks as Ollama does and answers with words at the pace of a model; it computes nothing. */
const MS_PER_TOKEN = 1_000 / 30;
const MODELS = ['small:latest', 'large:latest'];

/** One place is one answer at a time; it remembers which model it spoke for last. */
const places = [];
const waits = [];
let options;
let calls = 0;
let reloads = 0;
let tokens = 0;
let busyMs = 0;
let countedFrom = 0;

const server = createServer((request, response) => {
  if (request.url === '/api/version') return answer(response, { version: '0.13.0' });
  if (request.url === '/api/tags') return answer(response, { models: MODELS.map(describe) });
  let text = '';
  request.setEncoding('utf8');
  request.on('data', (piece) => (text += piece));
  request.on('end', () => speak(JSON.parse(text).model, response));
});

function answer(response, value) {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}

function describe(name) {
  const details = { format: 'gguf', family: 'llama', parameter_size: '4B' };
  return {
    name,
    model: name,
    modified_at: new Date(0).toISOString(),
    size: 1,
    digest: 'a'.repeat(64),
    details,
  };
}

/** From so long to so long, short ones as likely as long ones of ten times their length. */
function drawMs() {
  const { fromMs, toMs } = options;
  return fromMs * (toMs / fromMs) ** Math.random();
}

function speak(model, response) {
  const place = takePlace(model);
  const end = nowMs() + drawMs();
  const head = `{"model":"${model}","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":`;
  let spoken = 0;
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  const say = () => {
    spoken++;
    tokens++;
    response.write(`${head}" word"},"done":false}\n`);
    if (nowMs() < end) return;
    clearInterval(timer);
    const counts = `"prompt_eval_count":600,"eval_count":${spoken},"load_duration":0`;
    response.end(`${head}""},"done":true,"done_reason":"stop",${counts}}\n`);
    leave();
  };
  const timer = setInterval(say, MS_PER_TOKEN);
  const leave = () => {
    clearInterval(timer);
    if (place.leftAt !== null) return;
    place.leftAt = nowMs();
    busyMs += place.leftAt - Math.max(place.takenAt, countedFrom);
  };
  // Whoever goes away before the end has spent what was said.
  response.on('close', leave);
}

/** The place that has been free the longest. */
function takePlace(model) {
  const now = nowMs();
  const place = places.filter(({ leftAt }) => leftAt !== null).sort((a, b) => a.leftAt - b.leftAt)[0];
  if (!place) throw new Error('more calls at once than the worker has slots');
  waits.push(now - place.leftAt);
  calls++;
  if (place.model !== model) reloads++;
  Object.assign(place, { model, takenAt: now, leftAt: null });
  return place;
}

offer({
  start(given) {
    options = given;
    for (let i = 0; i < options.slots; i++) places.push({ leftAt: nowMs() });
    return new Promise((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}`)),
    );
  },
  tokens: () => tokens,
  /** From here on it counts. */
  begin() {
    calls = 0;
    reloads = 0;
    busyMs = 0;
    waits.length = 0;
    countedFrom = nowMs();
  },
  report() {
    const now = nowMs();
    const open = places.filter((place) => place.leftAt === null);
    const still = open.reduce((sum, place) => sum + now - Math.max(place.takenAt, countedFrom), 0);
    const { p50, p99, max } = percentiles(waits);
    return {
      used: (100 * (busyMs + still)) / ((now - countedFrom) * options.slots),
      calls: (calls * 1_000) / (now - countedFrom),
      reloads: (100 * reloads) / calls,
      waitP50: p50,
      waitP99: p99,
      waitMax: max,
    };
  },
  stop() {
    server.closeAllConnections();
    server.close();
  },
});
