import { defineConfig } from 'vitest/config';
import { pairingWorker } from './test/support/pairing-worker.ts';

export default defineConfig({
  plugins: [pairingWorker()],
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 90_000,
    maxWorkers: 2,
    // What is waited for comes in milliseconds; the limit is for machines that do other work meanwhile.
    expect: { poll: { timeout: 30_000 } },
    coverage: { include: ['src/**/*.ts'], reporter: ['text-summary', 'html'] },
    reporters: process.env['CI'] === undefined ? ['default'] : ['default', 'json'],
    outputFile: { json: '.test-results/vitest.json' },
  },
});
