import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    testTimeout: 20_000,
    maxWorkers: 2,
    // A shared machine may hold up a test of real sockets or of a real redis-server; at the desk a flake shows.
    retry: process.env.CI === undefined ? 0 : 2,
  },
});
