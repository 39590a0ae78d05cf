#!/usr/bin/env node
/**
 * Makes `test/vectors/stores-0.1.0/`: what the entities of version 0.1.0 leave on disk. It runs the code of that time,
 * so it needs a checkout of commit 0f36282 (or of equal code), built:
 *
 *     git worktree add ../claviger-0.1.0 0f36282
 *     (cd ../claviger-0.1.0 && npm ci)
 *     node scripts/make-stores-0.1.0.mjs ../claviger-0.1.0 test/vectors/stores-0.1.0
 *
 * It starts the laboratory's network in its reproducible form (time stands still at 2027-03-19T07:17:20Z, randomness
 * from a seed), and in home1
 *
 *     warrant LIID-ENDED on alice begins and ends; warrant LIID-ALICE begins and stays
 *     bob calls alice: answered by the KMS, delivered to the LEMF
 *     the LEMF and the KMS go down; alice calls bob: the DF has an open question and PS-PDUs that nobody acknowledged
 *     everything is stopped
 *
 * Then one PDU of X2 whose task the DF does not know is put into the DF's store, and every table of every database is
 * written to `contents.json`, octets as hex, read without Claviger's code.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const SEED = 'stores-0.1.0';
/** Long past at that time: the KMS destroys it when it starts. */
const OLD_EPOCH = '2026-01';
/** Samples of each recording: half a second. */
const SAMPLES = 4000;
const UNKNOWN_XID = 'f47ac10b58cc4372a5670e02b2c3d479';

const [checkout, target] = process.argv.slice(2);
if (checkout === undefined || target === undefined) {
  process.stderr.write('usage: make-stores-0.1.0.mjs CHECKOUT TARGET\n');
  process.exit(2);
}
const dist = path.resolve(checkout, 'dist');
if (!existsSync(path.join(dist, 'lab', 'network.js'))) {
  process.stderr.write(`${dist} has no lab/network.js: a built checkout of 0f36282 is needed\n`);
  process.exit(2);
}

/** @param {string} name @returns {Promise<any>} a module of the old code */
const old = (name) => import(pathToFileURL(path.join(dist, name)).href);

const { Network, REPRODUCIBLE_TIME } = await old('lab/network.js');
const { Timeline } = await old('lab/timeline.js');
const { placeCall, recording } = await old('lab/call.js');
const { warrantOn } = await old('lab/warrants.js');
const { SqliteKmsStore } = await old('stores/kms.js');
const { SqliteDfStore } = await old('stores/df.js');
const { Secret } = await old('bytes/secret.js');

const work = mkdtempSync(path.join(tmpdir(), 'stores-0.1.0-'));
try {
  await run();
} finally {
  rmSync(work, { recursive: true, force: true });
}

async function run() {
  const state = path.join(work, 'state');
  const out = path.join(work, 'out');
  await keepOldRoot(path.join(state, 'home1', 'kms'));
  const network = await Network.start({
    state,
    out,
    users: { home1: ['alice'], home2: ['bob'] },
    timeline: new Timeline(() => performance.now()),
    seed: SEED,
  });
  try {
    await course(network);
  } finally {
    await network.stop();
  }
  await holdUnknown(path.join(state, 'home1', 'df.db'), path.join(out, 'home1', 'x2.bin'));
  keep(path.join(state, 'home1'));
}

/** @param {any} network */
async function course(network) {
  const recordings = {
    alice: recording('alice').slice(0, SAMPLES),
    bob: recording('bob').slice(0, SAMPLES),
  };
  const { admf } = network.running('admf', 'home1');
  await network.register();
  await admf.activateWarrant(warrantOn(network, 'alice', REPRODUCIBLE_TIME, 'LIID-ENDED'));
  await admf.deactivateWarrant('LIID-ENDED');
  await admf.activateWarrant(warrantOn(network, 'alice', REPRODUCIBLE_TIME, 'LIID-ALICE'));
  const call = { recordings, elapsed: () => performance.now() };
  await placeCall(network, { ...call, caller: 'bob', callee: 'alice' });
  await drain(network);
  await network.running('df', 'home1').settle(12_000);
  await network.stopEntity('lemf', 'home1');
  await network.stopEntity('kms', 'home1');
  await placeCall(network, { ...call, caller: 'alice', callee: 'bob' });
  await drain(network);
}

/** @param {any} network */
async function drain(network) {
  for (const entity of ['cscf', 'gateway']) {
    if (!(await network.running(entity, 'home1').drain(12_000))) throw new Error(`${entity} has not drained`);
  }
}

/** @param {string} folder */
async function keepOldRoot(folder) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const store = new SqliteKmsStore(path.join(folder, 'kms.db'));
  await store.keepLiRoot(OLD_EPOCH, Secret.of(new Uint8Array(32).fill(0x5a)));
  await store.close();
}

/** @param {string} file @param {string} pdus */
async function holdUnknown(file, pdus) {
  const recorded = readFileSync(pdus);
  const length = recorded.readUInt32BE(4) + recorded.readUInt32BE(8);
  const octets = new Uint8Array(recorded.subarray(0, length));
  octets.set(Buffer.from(UNKNOWN_XID, 'hex'), 16);
  const dashed = UNKNOWN_XID.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  const store = new SqliteDfStore(file);
  const held = [{ id: 1, xid: dashed, octets, since: REPRODUCIBLE_TIME }];
  await store.commit({ streams: [], communications: [], keySessions: [], outbox: [], held, released: [] });
  await store.close();
}

/** @param {string} folder */
function keep(folder) {
  rmSync(path.join(target, 'home1'), { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  cpSync(folder, path.join(target, 'home1'), { recursive: true });
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.db'),
  );
  const contents = Object.fromEntries(files.sort().map((name) => [name, tablesOf(path.join(folder, name))]));
  writeFileSync(path.join(target, 'contents.json'), JSON.stringify(contents, null, 1) + '\n');
}

/** @param {string} file */
function tablesOf(file) {
  for (const journal of ['-wal', '-shm']) {
    if (existsSync(file + journal)) throw new Error(`${file} has a journal: its owner was not stopped`);
  }
  const Database = createRequire(path.join(path.resolve(checkout), 'package.json'))('better-sqlite3');
  const database = new Database(file, { readonly: true });
  const names = database.prepare(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
  );
  const tables = names.pluck().all().sort();
  const rows = (/** @type {string} */ table) => database.prepare(`SELECT * FROM "${table}"`).all().map(plain);
  const contents = Object.fromEntries(tables.map((/** @type {string} */ table) => [table, rows(table)]));
  database.close();
  return contents;
}

/** @param {Record<string, unknown>} row */
function plain(row) {
  const value = (/** @type {unknown} */ cell) => (Buffer.isBuffer(cell) ? cell.toString('hex') : cell);
  return Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, value(cell)]));
}
