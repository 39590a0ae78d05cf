import { defineConfig } from 'vitest/config';
import { pairingWorker } from './test/support/pairing-worker.ts';

export default defineConfig({
  plugins: [pairingWorker()],
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 90_000,
    maxWorkers: 2,
    coverage: { include: ['src/**/*.ts'], reporter: ['text-summary', 'html'] },
    reporters: process.env['CI'] === undefined ? ['default'] : ['default', 'json'],
    outputFile: { json: '.test-results/vitest.json' },
  },
});
