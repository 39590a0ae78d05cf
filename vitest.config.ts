import { defineConfig } from 'vitest/config';
import { bundledWorkers } from './test/support/workers.ts';

/** These replace a module (`vi.mock`), or look what modules were loaded, and so need modules of their own. */
const APART = [
  'test/ibe/validation-memory.test.ts',
  'test/entities/kms/request-key-shares.test.ts',
  'test/console/laboratory.test.ts',
  'test/entities/lemf/store/files-sync.test.ts',
  'test/e2e/faults.test.ts',
  'test/e2e/reproducible.test.ts',
  'test/e2e/targets.test.ts',
];

/** Run in the gate as a step of its own (`scripts/try-processes.sh`). */
const ON_PROCESSES =
  process.env['CLAVIGER_SLOW'] === undefined
    ? [
        'test/e2e/on-processes.test.ts',
        'test/e2e/upgraded-on-processes.test.ts',
        'test/e2e/xk-processes.test.ts',
      ]
    : [];

/** Half a minute each; run in the gate as a step of their own (`scripts/long-tests.sh`), or with `CLAVIGER_LONG`. */
const LONG =
  process.env['CLAVIGER_LONG'] === undefined
    ? [
        'test/cli/disk.test.ts',
        'test/cli/recover-cases.test.ts',
        'test/docs/examples.test.ts',
        'test/e2e/faults.test.ts',
        'test/e2e/killed.test.ts',
        'test/e2e/reproducible.test.ts',
        'test/e2e/scaled.test.ts',
        'test/entities/df/database.test.ts',
        'test/entities/df/mediators.test.ts',
        'test/entities/df/roles-killed.test.ts',
        'test/entities/df/store/postgresql-partitions.test.ts',
        'test/entities/df/stream-nonsense.test.ts',
        'test/entities/kms/killed.test.ts',
        'test/ibe/wasm/sizes.test.ts',
      ]
    : [];

export default defineConfig({
  plugins: [bundledWorkers()],
  test: {
    projects: [
      // Files share what they import: half of the time was spent on importing it anew for each.
      {
        extends: true,
        test: {
          name: 'together',
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: [...APART, ...ON_PROCESSES, ...LONG],
        },
      },
      { extends: true, test: { name: 'apart', include: APART, exclude: LONG } },
    ],
    testTimeout: 60_000,
    hookTimeout: 90_000,
    // Many tests wait rather than compute: three keep two cores busy.
    maxWorkers: 3,
    setupFiles: 'test/support/left-behind.ts',
    // Ends a PostgreSQL that tests have started.
    globalSetup: 'test/support/postgresql-setup.ts',
    // What is waited for comes in milliseconds; the limit is for machines that do other work meanwhile.
    expect: { poll: { timeout: 30_000 } },
    coverage: { include: ['src/**/*.ts'], reporter: ['text-summary', 'html'] },
    reporters: process.env['CI'] === undefined ? ['default'] : ['default', 'json'],
    outputFile: { json: '.test-results/vitest.json' },
  },
});
