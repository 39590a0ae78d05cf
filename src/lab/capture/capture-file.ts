/** The file that a run's capture goes to: there from the beginning, complete at the end, in place of an earlier capture only. */
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import path from 'node:path';
import { replaceFile, writeWhole } from '../../storage/files.ts';
import type { StreamObserver } from '../../net/tls-listener.ts';
import type { SipListener } from '../network/signalling.ts';
import { LabError } from '../errors.ts';
import { Capture } from './capture.ts';
import { encodePcap, isPcap } from './pcap.ts';

/** What a capture is called in the folder of a run, which the next run empties. */
const WITHIN_OUT = 'capture.pcap';

/** Whether a capture may go there. @throws LabError `options`; nothing was touched */
export function checkCapture(file: string, out: string): void {
  const at = path.resolve(file);
  const below = path.relative(path.resolve(out), at);
  if (below === '' || (!below.startsWith('..') && below !== WITHIN_OUT))
    throw unfit(`in the folder of the run a capture is called ${path.join(out, WITHIN_OUT)}`);
  const found = statSync(at, { throwIfNoEntry: false });
  if (found === undefined) {
    const folder = path.dirname(at);
    if (below !== WITHIN_OUT && !existsSync(folder)) throw unfit(`there is no folder ${path.dirname(file)}`);
    return;
  }
  if (!found.isFile()) throw unfit(`${file} is not a file`);
  if (found.size > 0 && !isPcap(beginningOf(at))) throw unfit(`${file} is there, and is not a capture`);
}

export class CaptureFile {
  readonly #file: string;
  readonly packets: Capture;

  /** @param now Unix milliseconds. @throws FileError */
  constructor(file: string, now: () => number) {
    this.#file = path.resolve(file);
    this.packets = new Capture(now);
    writeWhole(this.#file, encodePcap([]));
  }

  /** For the network whose packets these are. */
  get observers(): { readonly onSip: SipListener; readonly onStream: StreamObserver } {
    return {
      onSip: (sent) => this.packets.sip(sent),
      onStream: (sight) => this.packets.stream(sight),
    };
  }

  /** Ends the capture. @throws FileError */
  write(): void {
    replaceFile(this.#file, this.packets.toFile());
  }
}

function unfit(why: string): LabError {
  return new LabError('options', `${why}: choose another --pcap; nothing was touched`);
}

function beginningOf(file: string): Uint8Array {
  const handle = openSync(file, 'r');
  try {
    const octets = new Uint8Array(4);
    return octets.subarray(0, readSync(handle, octets));
  } finally {
    closeSync(handle);
  }
}
