#!/usr/bin/env bash
# The tests that `npm test` leaves out because they take long: full disks, a case for each way in which what a LEMF has may
# be damaged, DFs and KMSs that are killed beside a database or streams, entities that are killed or fail in mid-call, a
# laboratory of several processes an entity, a run made anew octet for octet, the examples as a stranger has them, and the
# pairing at every size of the field.
# Then a home of several processes, of which thirty are killed (docs/scale.md).
#   scripts/long-tests.sh
# Non-zero on any failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
CLAVIGER_LONG=1 npx --no-install vitest run --reporter=default \
  test/cli/disk.test.ts test/cli/recover-cases.test.ts test/ibe/wasm/sizes.test.ts \
  test/entities/df/database.test.ts test/entities/df/mediators.test.ts test/entities/df/roles-killed.test.ts \
  test/entities/df/stream-nonsense.test.ts \
  test/entities/df/store/postgresql-partitions.test.ts test/entities/kms/killed.test.ts test/e2e/scaled.test.ts \
  test/e2e/reproducible.test.ts test/e2e/faults.test.ts test/e2e/killed.test.ts test/docs/examples.test.ts
npm run --silent chaos -- --kills 30
