import { once } from 'node:events';
import { createServer } from 'node:http';
import { GeneralChatWrapper, getLlama, LlamaChatSession, LlamaLogLevel, TokenBias } from 'node-llama-cpp';

/**
 * The real llama.cpp on the CPU, behind the part of Ollama's wire format that our client uses. Two names
 * stand for the one model: `tiny`, and `endless`, which never ends by itself.
 */
export async function startLlamaServer(modelPath) {
  const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error });
  const model = await llama.loadModel({ modelPath });
  const generations = [];

  const http = createServer((request, response) => {
    handle(request, response).catch((error) => {
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'application/json' });
      response.end(`${JSON.stringify({ error: String(error) })}\n`);
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');

  async function handle(request, response) {
    if (request.url === '/api/tags') {
      const models = [
        { name: 'tiny:latest', modified_at: new Date(0).toISOString(), details: { family: 'llama' } },
      ];
      response.writeHead(200, { 'content-type': 'application/json' });
      return response.end(JSON.stringify({ models }));
    }
    const chunks = await readChunks(request);
    await chat(JSON.parse(Buffer.concat(chunks)), response);
  }

  async function chat(body, response) {
    const generation = { tokens: 0, stopReason: undefined, ended: undefined };
    generation.firstToken = new Promise((resolve) => {
      generation.onFirstToken = resolve;
    });
    generations.push(generation);
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    const line = (value) => response.write(`${JSON.stringify({ model: body.model, ...value })}\n`);

    generation.ended = generate(body, gone.signal, generation, (content) => {
      line({ message: { role: 'assistant', content }, done: false });
    });
    const { stopReason, usage } = await generation.ended;
    if (gone.signal.aborted) return;
    line({
      message: { role: 'assistant', content: '' },
      done: true,
      done_reason: stopReason === 'maxTokens' ? 'length' : 'stop',
      prompt_eval_count: usage.usedInputTokens,
      eval_count: usage.usedOutputTokens,
    });
    response.end();
  }

  async function generate(body, signal, generation, onText) {
    // More threads wait for each other by spinning, which takes a second a token on a busy machine.
    const context = await model.createContext({ contextSize: body.options.num_ctx, threads: 1 });
    const sequence = context.getSequence();
    const system = body.messages.find(({ role }) => role === 'system')?.content ?? '';
    const session = new LlamaChatSession({
      contextSequence: sequence,
      systemPrompt: system,
      chatWrapper: new GeneralChatWrapper(),
    });
    const endless = new TokenBias(model.tokenizer).set(model.tokens.eos, 'never');
    const result = await session.promptWithMeta(body.messages.at(-1).content, {
      signal,
      stopOnAbortSignal: true,
      maxTokens: body.options.num_predict,
      temperature: body.options.temperature ?? 0.8,
      seed: 1,
      grammar: body.format === undefined ? undefined : await llama.createGrammarForJsonSchema(body.format),
      tokenBias: body.model === 'endless' ? endless : undefined,
      onTextChunk: onText,
      onToken: (tokens) => {
        generation.tokens += tokens.length;
        generation.onFirstToken();
      },
    });
    generation.stopReason = result.stopReason;
    const usage = sequence.tokenMeter.getState();
    await context.dispose();
    return { stopReason: result.stopReason, usage };
  }

  return {
    url: `http://127.0.0.1:${http.address().port}`,
    generations,
    async close() {
      http.close();
      http.closeAllConnections();
      await model.dispose();
      await llama.dispose();
    },
  };
}

async function readChunks(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return chunks;
}
