import { defineConfig } from 'vitest/config';

/** The longer tier: the same rules at sizes that take minutes. */
export default defineConfig({
  test: {
    include: ['test/long/**/*.test.ts', 'test/proof/**/*.test.ts'],
    globalSetup: ['test/support/build.ts', 'test/support/global-setup.ts'],
    pool: 'forks',
    isolate: false,
    maxWorkers: 1,
    testTimeout: 600_000,
    hookTimeout: 120_000,
    env: { OPSLOOP_PROOF: process.env.OPSLOOP_PROOF ?? '0.1' },
  },
});
