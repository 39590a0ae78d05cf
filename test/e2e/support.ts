/** What the end-to-end tests share: short recordings, runs of the demo, and readers of what a run leaves. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { toHex } from '../../src/bytes/octets.ts';
import { recording } from '../../src/lab/scenarios/call.ts';
import { runDemo } from '../../src/lab/scenarios/demo.ts';
import type { DemoOptions } from '../../src/lab/scenarios/scenario.ts';
import type { HomeName } from '../../src/lab/network/home.ts';
import type { DemoReport } from '../../src/lab/scenarios/report.ts';
import type { PsPdu } from '../../src/wire/hi/ps-pdu.ts';
import type { EpsIri } from '../../src/wire/hi/eps-iri.ts';
import { ATTRIBUTE } from '../../src/wire/x2x3/attributes.ts';
import { Deframer } from '../../src/wire/x2x3/deframer.ts';
import { decodePdu, numberAttribute, textAttribute } from '../../src/wire/x2x3/pdu.ts';
import type { Pdu } from '../../src/wire/x2x3/pdu.ts';
import { deliveredOf, psPdusOf } from '../support/handed-over.ts';
import { cli } from '../support/cli.ts';

export interface Folder {
  readonly path: string;
  at(...names: string[]): string;
  remove(): void;
}

export function temporaryFolder(): Folder {
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-e2e-'));
  return {
    path: folder,
    at: (...names) => path.join(folder, ...names),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The beginnings of the recordings, of different lengths. */
export function shortRecordings(seconds = 2): { readonly alice: Int16Array; readonly bob: Int16Array } {
  const alice = recording('alice').slice(4000, 4000 + seconds * 8000);
  const bob = recording('bob').slice(4000, 4000 + seconds * 8000 - 1234);
  return { alice, bob };
}

/** A run of the demo with short recordings. */
export function shortDemo(
  out: string,
  options: Partial<DemoOptions> = {},
  seconds?: number,
): Promise<DemoReport> {
  return runDemo({
    out,
    target: 'alice',
    faults: [],
    revealSecrets: false,
    recordings: shortRecordings(seconds),
    ...options,
  });
}

/** The names of checks that did not pass, with what was measured: an empty list is a pass. */
export function failures(report: DemoReport): string[] {
  return report.checks.filter(({ passed }) => !passed).map(({ name, detail }) => `${name}: ${detail}`);
}

/* ---------------------------------------------------------------- readers */

export function octetsOf(...names: string[]): Uint8Array {
  const file = path.join(...names);
  return existsSync(file) ? new Uint8Array(readFileSync(file)) : new Uint8Array();
}

/** PDUs of X2 or X3 in the order of arrival, each once. */
export function pdusOf(out: string, home: HomeName, reference: 'x2' | 'x3'): Pdu[] {
  const once = new Map<string, Pdu>();
  for (const frame of new Deframer().push(octetsOf(out, home, `${reference}.bin`))) {
    const pdu = decodePdu(frame);
    const { did, nfid, ipid, sequenceNumber } = ATTRIBUTE;
    const texts = [did, nfid, ipid].map((type) => textAttribute(pdu, type));
    const number = numberAttribute(pdu, sequenceNumber);
    const key = [pdu.xid, ...texts, toHex(pdu.correlation), number].join(' ');
    if (!once.has(key)) once.set(key, pdu);
  }
  return [...once.values()];
}

/** PS-PDUs of a file. */
export function psPdus(...names: string[]): PsPdu[] {
  return psPdusOf(path.join(...names));
}

/** The IRI records of a file, in order. */
export function recordsOf(...names: string[]): EpsIri[] {
  return psPdus(...names).flatMap(({ payload }) =>
    payload.kind === 'iri'
      ? payload.records.flatMap(({ contents }) => (contents.kind === 'eps' ? [contents.record] : []))
      : [],
  );
}

/** Sequence numbers of IRI and CC by LIID and CIN, in the order of arrival. */
export function sequenceNumbers(...names: string[]): Record<string, number[]> {
  return numbersByGroup(deliveredOf(path.join(...names)));
}

/** Sequence numbers by LIID and CIN, in the order of the PDUs. */
export function numbersByGroup(pdus: readonly PsPdu[]): Record<string, number[]> {
  const numbers: Record<string, number[]> = {};
  for (const { header } of pdus) {
    (numbers[`${header.liid} ${header.cin ?? '-'}`] ??= []).push(header.sequenceNumber);
  }
  return numbers;
}

export interface SentFile {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly octets: Uint8Array;
  readonly text: string;
}

/** The SIP messages of a run, as sent. */
export function signallingOf(out: string): SentFile[] {
  const folder = path.join(out, 'signalling');
  return readdirSync(folder)
    .sort()
    .map((name) => {
      const [, from = '', to = ''] = /^\d+-([^-]+)-([^-]+)\.sip$/.exec(name) ?? [];
      const octets = new Uint8Array(readFileSync(path.join(folder, name)));
      return { name, from, to, octets, text: Buffer.from(octets).toString('latin1') };
    });
}

/** Every file below a folder. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
}

/* ---------------------------------------------------------------- processes */

export interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly milliseconds: number;
  /** Most memory that was ever resident, kilobytes. */
  readonly peak: number;
  /** What it has computed, milliseconds: the same however busy the machine is. */
  readonly computed: number;
}

/** Runs `claviger …` to its end. */
export async function claviger(...args: string[]): Promise<Finished> {
  const started = performance.now();
  const child = spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  let [peak, computed] = [0, 0];
  const watch = setInterval(() => {
    peak = Math.max(peak, residentPeak(child.pid));
    computed = Math.max(computed, computingTime(child.pid));
  }, 100);
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearInterval(watch);
  return { status, ...output, peak, computed, milliseconds: performance.now() - started };
}

function residentPeak(pid: number | undefined): number {
  try {
    return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid ?? 0}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** User and system time so far (proc(5): fields 14 and 15 of `stat`, in hundredths of a second). */
function computingTime(pid: number | undefined): number {
  try {
    const stat = readFileSync(`/proc/${pid ?? 0}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return 10 * (Number(fields[11]) + Number(fields[12]));
  } catch {
    return 0;
  }
}

/** Waits until `condition` holds. @throws Error after `ms` milliseconds */
export async function until(what: string, condition: () => boolean, ms = 30_000): Promise<void> {
  for (const end = performance.now() + ms; !condition();) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await sleep(50);
  }
}

/** PDUs as they are, by the lengths in their headers (octets 4 to 11). */
export function pduFrames(octets: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = [];
  const view = new DataView(octets.buffer, octets.byteOffset);
  for (let at = 0; at < octets.length;) {
    const length = view.getUint32(at + 4) + view.getUint32(at + 8);
    frames.push(octets.subarray(at, at + length));
    at += length;
  }
  return frames;
}
