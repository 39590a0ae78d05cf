/**
 * What is made of each call beside its audio, in a folder of its own: the records as CSV, the ladder as text and SVG,
 * SIP and decrypted RTP as a capture, and the audio of all directions mixed and drawn. Everything is written as it comes
 * but for the ladder, whose steps are bounded. It is somebody's conversation: files have mode 0600.
 */
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { isIP, isIPv6 } from 'node:net';
import path from 'node:path';
import { concat } from '../../bytes/octets.ts';
import { bareHost } from '../../bytes/network-address.ts';
import type { NetworkAddress } from '../../bytes/network-address.ts';
import { callParties, startLine, stepsOf } from '../../entities/lemf/call-steps.ts';
import type { CallMaterial } from '../../entities/lemf/calls.ts';
import type { ObservedKey, ObservedPacket } from '../../entities/lemf/group.ts';
import { isoTimeOrNull, liidText } from '../../entities/lemf/notices.ts';
import { textsOf } from '../../entities/lemf/records.ts';
import type { PlacedRecord } from '../../entities/lemf/records.ts';
import type { CallReport, RecoveryObserver } from '../../entities/lemf/recover.ts';
import type { Signalling } from '../../entities/lemf/signalling.ts';
import { udpPacket } from '../../lab/capture/packets.ts';
import { makeFolder, writeWhole } from '../../storage/files.ts';
import { ladderSvg, ladderText } from '../../views/ladder.ts';
import type { LadderStep } from '../../views/ladder.ts';
import { IMS_EVENT } from '../../wire/hi/eps-iri.ts';
import { PAYLOAD_DIRECTION } from '../../wire/hi/ps-pdu.ts';
import { csvRow } from './csv.ts';
import { keyLines, printedKey } from './key-lines.ts';
import { mikeyNames } from '../../wire/shown/describe-pdu.ts';
import { AUDIO_DRAWINGS, drawAudio } from './draw-audio.ts';
import { mixWav } from './mix-wav.ts';
import { nameIn } from '../../wire/shown/pdu-names.ts';
import { PcapngFile } from './pcapng.ts';

/** Steps of a ladder that are drawn; all are counted. */
const MOST_STEPS = 2000;
/** What a datagram holds. */
const MOST_OCTETS = 65_000;
/** Records do not say where SIP went; these addresses are nobody's (RFC 5737). */
const TARGET: NetworkAddress = { address: '192.0.2.1', port: 5060 };
const OTHER: NetworkAddress = { address: '192.0.2.2', port: 5060 };

/** What there is of a call that was heard. */
const OF_AUDIO = ['mixed.wav', ...AUDIO_DRAWINGS];

const COLUMNS = ['number', 'time', 'direction', 'event', 'message', 'MIKEY', 'keys', 'failure'];

export class CallExport implements RecoveryObserver {
  readonly #out: string;
  readonly #onCall: (folder: string, report: CallReport) => void;
  readonly #hasKeys: boolean;
  readonly #names = new Map<string, number>();
  #call: OpenCall | null = null;

  /**
   * @param out folder that has the WAV files @param onCall is told of each call that is complete
   * @param hasKeys whether the keys that opened packets are written too
   */
  constructor(out: string, onCall: (folder: string, report: CallReport) => void, hasKeys = false) {
    this.#out = out;
    this.#hasKeys = hasKeys;
    this.#onCall = onCall;
  }

  begins(call: CallMaterial, records: Iterable<PlacedRecord>, signalling: Signalling): void {
    this.close();
    const stem = `call-${liidText(call.liid).replace(/[^A-Za-z0-9]/g, '_')}-cin${call.cin}`;
    const count = (this.#names.get(stem) ?? 0) + 1;
    this.#names.set(stem, count);
    const folder = path.join(this.#out, count === 1 ? stem : `${stem}-${count}`);
    const { target, other } = callParties(signalling);
    this.#call = new OpenCall(folder, records, [`${target} (target)`, other]);
  }

  packet(packet: ObservedPacket): void {
    this.#call?.packet(packet);
  }

  key(key: ObservedKey): void {
    if (this.#hasKeys) this.#call?.key(key);
  }

  ends(report: CallReport): void {
    if (this.#call === null) return;
    this.#call.end(this.#out, report);
    this.#onCall(this.#call.folder, report);
    this.#call = null;
  }

  /** Closes what was not written to its end. */
  close(): void {
    this.#call?.close();
    this.#call = null;
  }
}

class OpenCall {
  readonly folder: string;
  readonly #capture: PcapngFile;
  readonly #withoutMedia: number;
  readonly #starts = new Map<string, number>();
  readonly #keys: string[] = [];

  constructor(folder: string, records: Iterable<PlacedRecord>, parties: readonly string[]) {
    this.folder = folder;
    makeFolder(folder, 0o700);
    this.#capture = new PcapngFile(path.join(folder, 'call.pcapng'));
    const steps: LadderStep[] = [];
    let further = 0;
    const csv = openSync(path.join(folder, 'records.csv'), 'w', 0o600);
    try {
      writeSync(csv, csvRow(COLUMNS));
      for (const record of records) {
        writeSync(csv, csvRow(cellsOf(record)));
        for (const step of stepsOf(record)) {
          if (steps.length < MOST_STEPS) steps.push(step);
          else further++;
        }
        this.#signalling(record);
      }
    } finally {
      closeSync(csv);
    }
    const ladder = { parties, steps, further };
    writeWhole(path.join(folder, 'ladder.txt'), ladderText(ladder), { mode: 0o600 });
    writeWhole(path.join(folder, 'ladder.svg'), ladderSvg(ladder), { mode: 0o600 });
    this.#withoutMedia = this.#capture.length;
  }

  packet({ octets, time, path: way, direction, ssrc }: ObservedPacket): void {
    const at = time ?? 0;
    const key = `${direction} ${ssrc}`;
    this.#starts.set(key, Math.min(this.#starts.get(key) ?? Infinity, at));
    if (octets.length <= MOST_OCTETS) this.#capture.rtp(at, endsOf(way, direction), octets);
  }

  key(key: ObservedKey): void {
    this.#keys.push(keyLines(printedKey('sdes', key, this.#keys.length + 1)));
  }

  end(out: string, { streams }: CallReport): void {
    const isWithheld = streams.some(({ reason }) => reason === 'withheld');
    // What is withheld is so in every form.
    if (isWithheld) this.#capture.cut(this.#withoutMedia);
    this.#capture.close();
    const keys = path.join(this.folder, 'keys.txt');
    if (isWithheld || this.#keys.length === 0) rmSync(keys, { force: true });
    else writeWhole(keys, this.#keys.join(''), { mode: 0o600 });
    const recordings = streams.flatMap((stream) => {
      const { file, furtherFiles, direction, ssrc } = stream;
      if (file === null) return [];
      const files = [file, ...furtherFiles.map((further) => further.file)].map((name) =>
        path.join(out, name),
      );
      return [{ stream, files, from: this.#starts.get(`${direction} ${ssrc}`) ?? 0 }];
    });
    if (recordings.length === 0)
      for (const name of OF_AUDIO) rmSync(path.join(this.folder, name), { force: true });
    else {
      mixWav(path.join(this.folder, 'mixed.wav'), recordings);
      drawAudio(this.folder, recordings);
    }
  }

  close(): void {
    this.#capture.close();
  }

  #signalling({ contents, direction, time }: PlacedRecord): void {
    for (const { octets, body, isAnswer } of textsOf(contents)) {
      const message = body === null ? octets : concat(octets, body);
      if (message.length === 0 || message.length > MOST_OCTETS) continue;
      const fromTarget = (direction === PAYLOAD_DIRECTION.fromTarget) !== isAnswer;
      const ends = fromTarget ? { from: TARGET, to: OTHER } : { from: OTHER, to: TARGET };
      this.#capture.packet(time ?? timeOf(contents) ?? 0, udpPacket(ends, message));
    }
  }
}

function timeOf(contents: PlacedRecord['contents']): number | null {
  return contents.kind === 'eps' ? contents.record.time : null;
}

function cellsOf({ sequenceNumber, contents, direction, time }: PlacedRecord): (string | number | null)[] {
  const texts = textsOf(contents);
  const record = contents.kind === 'eps' ? contents.record : null;
  return [
    sequenceNumber,
    isoTimeOrNull(time ?? timeOf(contents)),
    direction === null ? null : nameIn(PAYLOAD_DIRECTION, direction),
    record?.imsEvent === undefined ? contents.kind : nameIn(IMS_EVENT, record.imsEvent),
    texts.map(({ octets }) => startLine(octets)).join(' / '),
    mikeyNames(...texts.flatMap(({ octets, body }) => (body === null ? [octets] : [body]))).join(' / '),
    (record?.keys ?? []).map(({ csId }) => `CS ${[...csId].join('.')}`).join(' / '),
    record?.mediaSecFailure === undefined ? null : 'media security failure',
  ];
}

/** `source>destination` as delivered; where it is not an address each, the ports of nobody. */
function endsOf(
  way: string | null,
  direction: ObservedPacket['direction'],
): { from: NetworkAddress; to: NetworkAddress } {
  const [from, to] = (way ?? '').split('>').map(addressOf);
  if (from && to && isIPv6(from.address) === isIPv6(to.address)) return { from, to };
  const [target, other] = [TARGET, OTHER].map(({ address }) => ({ address, port: 40_000 })) as [
    NetworkAddress,
    NetworkAddress,
  ];
  return direction === 'toTarget' ? { from: other, to: target } : { from: target, to: other };
}

function addressOf(text: string): NetworkAddress | null {
  const [, host = '', port = ''] = /^(.+):(\d{1,5})$/.exec(text) ?? [];
  const address = bareHost(host);
  const isAddress = isIP(address) !== 0 && !address.includes('%') && Number(port) <= 0xffff;
  return isAddress ? { address, port: Number(port) } : null;
}
