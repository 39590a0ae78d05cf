/** Names of files of audio and of packets: LIID and CIN tell them apart, and the party that speaks. */
import { toHex } from '../../bytes/octets.ts';
import { fromLatin1 } from '../../wire/hi/text.ts';

export interface AudioOwner {
  readonly liid: string;
  readonly cin: number;
  /** Where two sources have this LIID and CIN for different calls. */
  readonly source: string | null;
}

/** `recovered-….wav`, `recovered-…-2.wav`, …: each name once. */
export class AudioNames {
  readonly #take: (name: string) => boolean;

  /** @param take takes a name, `false` if it is taken; by default names are remembered here */
  constructor(take: (name: string) => boolean = remembering()) {
    this.#take = take;
  }

  /** `recovered-LIID-cinCIN-alice.wav` */
  next(owner: AudioOwner, speaker: string | null): string {
    return this.#once(stemOf(owner, speaker));
  }

  /** `recovered-LIID-cinCIN-alice.rtpdump`: packets that are not decoded. */
  nextPackets(owner: AudioOwner, speaker: string | null): string {
    return this.#once(stemOf(owner, speaker), 'rtpdump');
  }

  /** `recovered-alice.rtpdump`, where there is one call */
  nextPacketsOf(speaker: string | null): string {
    return this.#once(`recovered-${userOf(speaker)}`, 'rtpdump');
  }

  /** `recovered-alice.wav`, where there is one call */
  nextOf(speaker: string | null): string {
    return this.#once(`recovered-${userOf(speaker)}`);
  }

  #once(stem: string, kind: 'wav' | 'rtpdump' = 'wav'): string {
    let name = `${stem}.${kind}`;
    for (let i = 2; !this.#take(name); i++) name = `${stem}-${i}.${kind}`;
    return name;
  }
}

function stemOf({ liid, cin, source }: AudioOwner, speaker: string | null): string {
  const from = source === null ? '' : `${harmless(source)}-`;
  const stem = `recovered-${liidName(liid)}-cin${cin}-${from}${userOf(speaker)}`;
  return stem;
}

function remembering(): (name: string) => boolean {
  const taken = new Set<string>();
  return (name) => !taken.has(name) && taken.add(name).size > 0;
}

/** User part of a URI, as far as it is harmless in a file name. */
function userOf(uri: string | null): string {
  const user = /^(?:sips?|tel):\+?([^@;?]*)/i.exec(uri ?? '')?.[1] ?? '';
  const name = harmless(user);
  return name === '' ? 'unknown' : name;
}

/** As it is, or its octets in hex after `_`, which stands in none that is as it is. */
function liidName(liid: string): string {
  return /^[A-Za-z0-9-]+$/.test(liid) ? liid : `_${toHex(fromLatin1(liid, 'LIID'))}`;
}

function harmless(text: string): string {
  return text.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 64);
}
