import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    // Of these proofs even the smallest run takes long; what they are about, acknowledgements-are-on-the-disk holds here.
    exclude: ['test/long/**', 'test/proof/{crash-copies,power-cuts}*', 'node_modules/**'],
    globalSetup: ['test/support/build.ts', 'test/support/global-setup.ts'],
    pool: 'forks',
    // Nothing is mocked by module and each file has a database of its own, so files can share what they load.
    isolate: false,
    // They wait for signals as much as they compute: with 8 on two cores a third of them took 65 s, with 5 84 s.
    maxWorkers: 8,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
