import { writeFile } from 'node:fs/promises';

/**
 * Writes a language model of half a megabyte in the format GGUF v3: the llama architecture with seeded
 * random weights. It speaks nonsense, which is enough to prove that streaming, counting, grammars and
 * aborting work with the real runtime; it says nothing about the quality of answers.
 */
export async function writeTinyModel(path, seed = 7) {
  const random = gaussian(seed);
  const tokens = vocabulary();
  const tensors = weights(tokens, random);
  await writeFile(path, encode(metadata(tokens), tensors));
}

const LAYERS = 2;
const WIDTH = 64;
const HEADS = 4;
const KEY_HEADS = 2;
const INNER = 128;
const CONTEXT = 2048;

// Token types of GGUF.
const NORMAL = 1;
const UNKNOWN = 2;
const CONTROL = 3;
const BYTE = 6;

/** A SentencePiece vocabulary that falls back to bytes, so that any text can be read. */
function vocabulary() {
  const hex = (byte) => byte.toString(16).toUpperCase().padStart(2, '0');
  const bytes = Array.from({ length: 256 }, (_, byte) => ({ text: `<0x${hex(byte)}>`, type: BYTE }));
  const ascii = Array.from({ length: 94 }, (_, index) => ({
    text: String.fromCharCode(33 + index),
    type: NORMAL,
  }));
  return [
    { text: '<unk>', type: UNKNOWN },
    { text: '<s>', type: CONTROL },
    { text: '</s>', type: CONTROL },
    ...bytes,
    { text: '\u2581', type: NORMAL },
    ...ascii,
  ];
}

/**
 * Purely random weights wander inside of a grammar without end. So the first dimension of every embedding
 * is the same constant, and the output layer reads it to make bytes and spaces rare, and closing
 * characters and the end a little more likely.
 */
function weights(tokens, random) {
  const keyWidth = (WIDTH / HEADS) * KEY_HEADS;
  const ones = { dims: [WIDTH], data: new Float32Array(WIDTH).fill(1) };
  const matrix = (inputs, outputs, scale) => ({
    dims: [inputs, outputs],
    data: Float32Array.from({ length: inputs * outputs }, () => random() * scale),
  });
  const tensors = { 'token_embd.weight': matrix(WIDTH, tokens.length, 0.05) };
  tokens.forEach((_, index) => {
    tensors['token_embd.weight'].data[index * WIDTH] = 1;
  });
  for (let layer = 0; layer < LAYERS; layer++) {
    const name = (part) => `blk.${layer}.${part}.weight`;
    tensors[name('attn_norm')] = ones;
    tensors[name('attn_q')] = matrix(WIDTH, WIDTH, 0.05);
    tensors[name('attn_k')] = matrix(WIDTH, keyWidth, 0.05);
    tensors[name('attn_v')] = matrix(WIDTH, keyWidth, 0.05);
    tensors[name('attn_output')] = matrix(WIDTH, WIDTH, 0.05);
    tensors[name('ffn_norm')] = ones;
    tensors[name('ffn_gate')] = matrix(WIDTH, INNER, 0.05);
    tensors[name('ffn_up')] = matrix(WIDTH, INNER, 0.05);
    tensors[name('ffn_down')] = matrix(INNER, WIDTH, 0.05);
  }
  tensors['output_norm.weight'] = ones;
  tensors['output.weight'] = matrix(WIDTH, tokens.length, 0.15);
  tokens.forEach(({ text, type }, index) => {
    tensors['output.weight'].data[index * WIDTH] = likelihood(text, type);
  });
  return tensors;
}

function likelihood(text, type) {
  if (text === '</s>') return 1.0;
  if (type !== NORMAL || text === '\u2581') return -3;
  return ['"', '}', ']'].includes(text) ? 0.25 : 0;
}

function metadata(tokens) {
  return {
    'general.architecture': string('llama'),
    'general.name': string('tiny'),
    'general.file_type': uint32(0),
    'llama.context_length': uint32(CONTEXT),
    'llama.embedding_length': uint32(WIDTH),
    'llama.block_count': uint32(LAYERS),
    'llama.feed_forward_length': uint32(INNER),
    'llama.attention.head_count': uint32(HEADS),
    'llama.attention.head_count_kv': uint32(KEY_HEADS),
    'llama.attention.layer_norm_rms_epsilon': float32(1e-5),
    'llama.rope.dimension_count': uint32(WIDTH / HEADS),
    'llama.vocab_size': uint32(tokens.length),
    'tokenizer.ggml.model': string('llama'),
    'tokenizer.ggml.tokens': array(tokens.map(({ text }) => string(text))),
    'tokenizer.ggml.scores': array(tokens.map((_, index) => float32(-index))),
    'tokenizer.ggml.token_type': array(tokens.map(({ type }) => int32(type))),
    'tokenizer.ggml.unknown_token_id': uint32(0),
    'tokenizer.ggml.bos_token_id': uint32(1),
    'tokenizer.ggml.eos_token_id': uint32(2),
  };
}

const ALIGNMENT = 32;
const F32 = 0;

function encode(values, tensors) {
  const head = [
    Buffer.from('GGUF'),
    u32(3),
    u64(Object.keys(tensors).length),
    u64(Object.keys(values).length),
  ];
  for (const [name, { type, bytes }] of Object.entries(values)) head.push(text(name), u32(type), bytes);
  let offset = 0;
  for (const [name, { dims, data }] of Object.entries(tensors)) {
    head.push(text(name), u32(dims.length), ...dims.map(u64), u32(F32), u64(offset));
    offset += data.byteLength + padding(data.byteLength);
  }
  const start = Buffer.concat(head);
  const body = Object.values(tensors).flatMap(({ data }) => [
    Buffer.from(data.buffer, data.byteOffset, data.byteLength),
    Buffer.alloc(padding(data.byteLength)),
  ]);
  return Buffer.concat([start, Buffer.alloc(padding(start.length)), ...body]);
}

function padding(length) {
  return (ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT;
}

// Value types of GGUF: 4 uint32, 5 int32, 6 float32, 8 string, 9 array.
const uint32 = (value) => ({ type: 4, bytes: u32(value) });
const int32 = (value) => ({ type: 5, bytes: fixed(4, (bytes) => bytes.writeInt32LE(value)) });
const float32 = (value) => ({ type: 6, bytes: fixed(4, (bytes) => bytes.writeFloatLE(value)) });
const string = (value) => ({ type: 8, bytes: text(value) });
const array = (items) => ({
  type: 9,
  bytes: Buffer.concat([u32(items[0].type), u64(items.length), ...items.map(({ bytes }) => bytes)]),
});

function text(value) {
  return Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
}

function u32(value) {
  return fixed(4, (bytes) => bytes.writeUInt32LE(value));
}

function u64(value) {
  return fixed(8, (bytes) => bytes.writeBigUInt64LE(BigInt(value)));
}

function fixed(size, write) {
  const bytes = Buffer.alloc(size);
  write(bytes);
  return bytes;
}

/** Normally distributed numbers from a seeded generator (mulberry32 and Box-Muller). */
function gaussian(seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
