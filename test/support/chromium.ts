/** Debian's browser, for tests that look at pages as people do. */
import { existsSync } from 'node:fs';

const PLACE = '/usr/bin/chromium';

/** `null`: it is not there, and whoever wants it skips. */
export const chromiumPath = existsSync(PLACE) ? PLACE : null;

if (chromiumPath === null && process.env['CI'] === 'true') throw new Error(`${PLACE} is missing`);
