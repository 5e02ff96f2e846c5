import { defineConfig } from 'vitest/config';

/** Scenarios that are played with two workers too, where what several share could show. */
const TWICE = ['caching-vary', 'invalidating', 'revalidation'].map((name) => `test/scenario/${name}.test.ts`);

export default defineConfig({
  test: {
    pool: 'forks',
    testTimeout: 20_000,
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: 'all', include: ['test/**/*.test.ts'] } },
      { extends: true, test: { name: 'two workers', include: TWICE, env: { HOLDFAST_TEST_WORKERS: '2' } } },
    ],
  },
});
