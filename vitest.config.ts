import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    // Of these even the smallest run takes long.
    exclude: [
      'test/long/**',
      'test/proof/{acknowledged-,crash-copies,crashes,hostile-files,power-cuts}*',
      'node_modules/**',
    ],
    globalSetup: ['test/support/build.ts', 'test/support/global-setup.ts'],
    pool: 'forks',
    // Nothing is mocked by module and each file has a database of its own, so files can share what they load.
    isolate: false,
    maxWorkers: 5,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
