/** A log that nobody reads: tests look at outcomes. */
import type { Logger } from '../../src/bytes/ports.ts';

export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };
