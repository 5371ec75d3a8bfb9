/** Numbers from 0 up to 1 that are the same for the same seed. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** The seed of this run; OPSLOOP_SEED gives one again. */
export function seedOf(what: string): number {
  const seed = Number(process.env.OPSLOOP_SEED ?? Date.now() % 1_000_000);
  process.stdout.write(`\n${what}: OPSLOOP_SEED=${seed}\n`);
  return seed;
}
