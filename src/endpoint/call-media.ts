/**
 * The media of one call at the endpoint: a stream for each m= line that this end has, in the order of the lines.
 *
 *     toOffer      audio, and video where the endpoint shows some
 *     toAnswer     the first line of each kind that this end can do; others are refused
 *     add, meet    a line more, of this end's or of the other's offer
 *
 * The k-th m= line has crypto sessions 2k − 1 and 2k (profile, section 3).
 */
import { EndpointError } from './errors.ts';
import type { AudioStream } from './audio-stream.ts';
import { sessionsOf } from './key-exchange.ts';
import type { ExchangeResult, KeyedStream } from './key-exchange.ts';
import type { StreamKeys } from '../media/srtp/rekeyed-stream.ts';
import { formatOf } from './session-description.ts';
import type {
  DescribedLine,
  SessionMedia,
  MediaDirection,
  MediaKind,
  NamedFormat,
  OwnLine,
} from './session-description.ts';
import type { VideoStream } from './video-stream.ts';

/** Which side of the exchange this end is: its own streams have the odd crypto sessions, or the even ones. */
export type ExchangeRole = 'initiator' | 'responder';

/** Opens sockets for streams. @throws EndpointError `no-ports` */
export interface StreamMaker {
  audio(): Promise<AudioStream>;
  video(): Promise<VideoStream>;
}

/** What an endpoint can do. */
export interface MediaAbilities {
  /** Whether RTCP may be on the port of RTP. */
  readonly mux: boolean;
  /** The codec of video; `null`: none is shown or taken. */
  readonly video: NamedFormat | null;
}

type Line = { readonly index: number; direction: MediaDirection } & (
  | { readonly kind: 'audio'; readonly media: AudioStream }
  | { readonly kind: 'video'; readonly media: VideoStream; readonly format: NamedFormat }
);

export class CallMedia {
  readonly #make: StreamMaker;
  readonly #can: MediaAbilities;
  #lines: Line[] = [];
  /** m= lines, those of others included. */
  #count = 0;
  #closed = false;
  /** Which way this end wants media to go. */
  #direction: MediaDirection = 'sendrecv';
  #switched: () => void = () => undefined;
  #sent: () => void = () => undefined;

  private constructor(make: StreamMaker, can: MediaAbilities) {
    this.#make = make;
    this.#can = can;
  }

  /** @param withVideo whether video is offered from the beginning; it may be added later. @throws EndpointError `no-ports` */
  static async toOffer(make: StreamMaker, can: MediaAbilities, withVideo = true): Promise<CallMedia> {
    const media = new CallMedia(make, can);
    const shows = withVideo && can.video !== null;
    await media.#openAll([['audio', 0], ...(shows ? ([['video', 1]] as const) : [])]);
    return media;
  }

  /** @throws EndpointError `no-ports` */
  static async toAnswer(make: StreamMaker, can: MediaAbilities, offer: SessionMedia): Promise<CallMedia> {
    const media = new CallMedia(make, can);
    await media.meet(offer);
    return media;
  }

  get audio(): AudioStream {
    const line = this.#lines.find(({ kind }) => kind === 'audio');
    if (line?.kind !== 'audio') throw new EndpointError('state', 'the call has no audio');
    return line.media;
  }

  get video(): VideoStream | null {
    const line = this.#lines.find(({ kind }) => kind === 'video');
    return line?.kind === 'video' ? line.media : null;
  }

  /** What is said of each m= line. */
  get lines(): readonly (OwnLine | null)[] {
    return this.#byLine((line) => this.#ownLine(line), null);
  }

  /** The SSRC that this end sends with, by m= line; 0 for lines that it does not have. */
  get ssrcs(): readonly number[] {
    return this.#byLine(({ media }) => media.stream.ssrc, 0);
  }

  /** A further m= line, for the next offer. @throws EndpointError `state` if there is one of its kind already, `no-codec`, `no-ports` */
  async add(kind: MediaKind): Promise<void> {
    if (this.#lines.some((line) => line.kind === kind))
      throw new EndpointError('state', `the call has ${kind} already`);
    if (kind === 'video' && this.#can.video === null)
      throw new EndpointError('no-codec', 'this phone has no video: set video');
    await this.#openAll([[kind, this.#count]]);
  }

  /** Takes an offer's lines as far as this end can do them, and opens what it needs. @throws EndpointError `no-ports` */
  async meet(offer: SessionMedia): Promise<void> {
    this.#count = Math.max(this.#count, offer.media.length);
    const wanted = new Map<MediaKind, number>();
    for (const line of offer.lines) {
      const isTaken = wanted.has(line.kind) || this.#lines.some(({ kind }) => kind === line.kind);
      if (!isTaken && this.#canDo(line)) wanted.set(line.kind, line.index);
    }
    await this.#openAll([...wanted]);
  }

  /** A line that was added is given up: its offer was refused. Its place stays. */
  remove(kind: MediaKind): void {
    const gone = this.#lines.filter((line) => line.kind === kind);
    this.#lines = this.#lines.filter((line) => line.kind !== kind);
    for (const { media } of gone) media.close();
  }

  /** Which way this end wants all media to go: `sendonly` holds the other. */
  direct(direction: MediaDirection): void {
    this.#direction = direction;
    for (const line of this.#lines) line.direction = direction;
  }

  /**
   * What the other side's description says of each line; a line that is off in it is not sent to.
   * @throws EndpointError `no-audio` if the audio is off, or elsewhere than before: then nothing has changed
   */
  connect(description: SessionMedia): void {
    const pairs = this.#lines.map((line) => ({
      line,
      theirs: description.lines.find(
        (each) => each.index === line.index && each.kind === line.kind && this.#canDo(each),
      ),
    }));
    if (!pairs.some(({ line, theirs }) => line.kind === 'audio' && theirs !== undefined))
      throw new EndpointError('no-audio', 'the audio of the call is not described');
    for (const { line, theirs } of pairs) {
      if (theirs === undefined) line.media.stream.disconnect();
      else this.#connect(line, theirs);
    }
  }

  /** Keys of all lines, in force at once. @throws EndpointError `key-exchange` if the audio has none */
  secure(result: ExchangeResult, role: ExchangeRole): void {
    for (const { media, keys } of this.#keyed(result, role)) media.stream.secure(keys);
  }

  /** Keys of what is only heard, the odd crypto sessions. @throws EndpointError `key-exchange` if the audio has none */
  listen(streams: readonly KeyedStream[]): void {
    for (const { kind, index, media } of this.#lines) {
      const receive = streams.find(({ csId }) => csId === 2 * index + 1);
      if (receive !== undefined) media.stream.secure({ send: null, receive });
      else if (kind === 'audio') throw new EndpointError('key-exchange', 'there are no keys for the audio');
    }
  }

  /** New keys of all lines, sent under from `switchOver` on, or when the other end has sent under them. */
  prepare(result: ExchangeResult, role: ExchangeRole): void {
    for (const { media, keys } of this.#keyed(result, role)) media.stream.prepare(keys);
  }

  switchOver(): void {
    for (const { media } of this.#lines) media.stream.switchOver();
  }

  /** Tells of the first packet under keys that were prepared, on whatever line. */
  onSwitched(listener: () => void): void {
    this.#switched = listener;
  }

  /** Tells of each packet that is sent, on whatever line. */
  onSent(listener: () => void): void {
    this.#sent = listener;
  }

  /** Packets sent under the keys in use, on the line that has sent most. */
  get sentUnderKeys(): number {
    return Math.max(0, ...this.#lines.map(({ media }) => media.stream.sentUnderKeys));
  }

  /** No RTCP is sent from now on. */
  withoutReports(): void {
    for (const { media } of this.#lines) media.stream.withoutReports();
  }

  close(): void {
    this.#closed = true;
    for (const { media } of this.#lines) media.close();
  }

  async #openAll(wanted: readonly (readonly [MediaKind, number])[]): Promise<void> {
    for (const [kind, index] of wanted) {
      const line = await this.#open(kind, index).catch((cause: unknown) => {
        if (this.#lines.length === 0 || wanted.length > 1) this.close();
        throw cause;
      });
      if (this.#closed) line.media.close();
      line.media.stream.onSwitched(() => this.#switched());
      line.media.stream.onSent(() => this.#sent());
      this.#lines.push(line);
      this.#count = Math.max(this.#count, index + 1);
    }
  }

  async #open(kind: MediaKind, index: number): Promise<Line> {
    const direction = this.#direction;
    if (kind === 'audio') return { kind, index, direction, media: await this.#make.audio() };
    const { video: format } = this.#can;
    if (format === null) throw new EndpointError('no-codec', 'this phone has no video: set video');
    return { kind, index, direction, format, media: await this.#make.video() };
  }

  #canDo(line: DescribedLine): boolean {
    if (line.kind === 'audio') return true;
    return this.#can.video !== null && formatOf(line, this.#can.video.codec) !== null;
  }

  #connect(line: Line, theirs: DescribedLine): void {
    const mux = this.#can.mux && theirs.mux;
    if (line.kind === 'audio') {
      line.media.connect({ ...theirs, mux }, lawOf(theirs));
      return;
    }
    const format = formatOf(theirs, line.format.codec);
    if (format === null) throw new EndpointError('no-codec', 'no codec of video in common');
    line.media.connect({ ...theirs, mux }, format.type);
  }

  #keyed(
    result: ExchangeResult,
    role: ExchangeRole,
  ): { readonly media: AudioStream | VideoStream; readonly keys: StreamKeys }[] {
    return this.#lines.flatMap(({ kind, index, media }) => {
      const sessions = sessionsOf(result, index);
      if (sessions === null) {
        if (kind === 'audio')
          throw new EndpointError('key-exchange', 'the exchange gave no keys for the audio');
        return [];
      }
      const { fromInitiator, fromResponder } = sessions;
      const keys =
        role === 'initiator'
          ? { send: fromInitiator, receive: fromResponder }
          : { send: fromResponder, receive: fromInitiator };
      return [{ media, keys }];
    });
  }

  #ownLine(line: Line): OwnLine {
    const { port } = line.media.stream.local;
    const { kind, direction } = line;
    return { kind, port, direction, mux: this.#can.mux, format: line.kind === 'video' ? line.format : null };
  }

  #byLine<T>(value: (line: Line) => T, none: T): T[] {
    return Array.from({ length: this.#count }, (_, index) => {
      const line = this.#lines.find((each) => each.index === index);
      return line === undefined ? none : value(line);
    });
  }
}

/** The codec that is used: the other side's first that both can do. @throws EndpointError `no-codec` */
export function lawOf({ laws }: DescribedLine): DescribedLine['laws'][number] {
  const [law] = laws;
  if (law === undefined) throw new EndpointError('no-codec', 'no codec in common');
  return law;
}
