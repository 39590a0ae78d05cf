/**
 * One end of X1 that asks: the ADMF towards one NE, and an NE towards its ADMF. It makes the header, checks that the
 * answer is the answer to this request, and turns error responses into exceptions.
 *
 * It speaks the version that the other end speaks. Which that is, is a setting, or it is learnt:
 *
 *     our newest ──► 1020 (unsupported version), under an older one that is known ──► that one
 *                └─► 1020, under none                                             ──► the oldest
 *     any answer under an older version                                           ──► that one
 *     no answer (it may be another by the next)                                   ──► our newest
 *
 * What the version does not have is not sent.
 */
import { ClavigerError } from '../bytes/errors.ts';
import { toHex } from '../bytes/octets.ts';
import type { Clock, Random } from '../bytes/ports.ts';
import { decodeX1Response, encodeX1Request } from '../wire/x1/containers.ts';
import {
  beyondX1Version,
  isOlderX1Version,
  isSpokenX1Version,
  OLDEST_X1_VERSION,
  X1_VERSION,
} from '../wire/x1/versions.ts';
import { X1_ERRORS } from '../wire/x1/error-codes.ts';
import type { X1Header, X1Response, X1ResponseMessage } from '../wire/x1/containers.ts';
import type { ErrorInformation } from '../wire/x1/details.ts';
import { XmlDocumentError } from '../wire/xml/errors.ts';
import { X1_SIZE_LIMIT } from '../wire/x1/names.ts';
import type { RequestOf, RequestType, X1RequestBody } from '../wire/x1/requests.ts';
import type { ResponseOf, ResponseType, X1ResponseBody } from '../wire/x1/responses.ts';
import type { X1Judge, X1Recorder } from './endpoint.ts';

export type X1ExchangeErrorCode =
  /** No answer came: whether the request was carried out is not known. */
  | 'no-answer'
  /** What came is not an answer to this request. */
  | 'bad-answer'
  /** Too large to be taken there, or its answer to be read here. */
  | 'too-large'
  /** The other end refused; `error` says why. */
  | 'refused'
  /** Not sent: the version that the other end speaks does not have it. */
  | 'beyond-version';

/** A request that was not done, or of which it is not known. */
export class X1ExchangeError extends ClavigerError<X1ExchangeErrorCode> {
  /** What an error response said. */
  readonly error: ErrorInformation | null;

  constructor(
    code: X1ExchangeErrorCode,
    message: string,
    options: ErrorOptions & { error?: ErrorInformation } = {},
  ) {
    super(code, message, options);
    this.error = options.error ?? null;
  }
}

/** Carries a document to the other end and its answer back. @throws X1ExchangeError `no-answer`, `too-large` */
export type X1Transport = (octets: Uint8Array) => Promise<Uint8Array>;

export interface X1RequesterOptions {
  readonly side: 'ne' | 'admf';
  readonly admfIdentifier: string;
  readonly neIdentifier: string;
  readonly transport: X1Transport;
  /** For requests about all tasks at once, whose answer takes its time; default: as the others. */
  readonly listTransport?: X1Transport;
  /** The version that the other end speaks; absent: it is learnt from its answers. */
  readonly version?: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Octets of an answer at most; default: as many as a request may have. */
  readonly answerLimit?: number;
  readonly judge?: X1Judge;
  readonly recorder?: X1Recorder;
}

const ABOUT_ALL: ReadonlySet<RequestType> = new Set<RequestType>(['ListAllDetails', 'GetAllDetails']);

/** The response that a request gets if it is not refused. */
export type AnswerTo<T extends RequestType> = T extends ResponseType ? ResponseOf<T> : never;

export class X1Requester {
  readonly #options: X1RequesterOptions;
  #version: string;

  constructor(options: X1RequesterOptions) {
    this.#options = options;
    this.#version = options.version ?? X1_VERSION;
  }

  /** The version that is spoken. */
  get version(): string {
    return this.#version;
  }

  /** The other end's identifier. */
  get peer(): string {
    const { side, admfIdentifier, neIdentifier } = this.#options;
    return side === 'admf' ? neIdentifier : admfIdentifier;
  }

  /** @throws X1ExchangeError */
  async request<T extends RequestType>(request: RequestOf<T>): Promise<AnswerTo<T>> {
    // A request of one type is one of the union; the compiler does not see it through the type parameter.
    const [answer] = await this.requestAll([request as unknown as X1RequestBody]);
    if (answer === undefined) throw this.#badAnswer('one response is expected');
    if (answer instanceof X1ExchangeError) throw answer;
    return answer as AnswerTo<T>;
  }

  /**
   * Several requests in one document; the answers in their order, those that were refused as errors.
   * @throws X1ExchangeError `no-answer`, `bad-answer`, `too-large`: then nothing is known of any of them
   */
  async requestAll(requests: readonly X1RequestBody[]): Promise<(X1ResponseBody | X1ExchangeError)[]> {
    const spoken = this.#version;
    const results = await this.#askAll(requests);
    const isRefused = results.every((result) => isUnsupportedVersion(result));
    if (!isRefused || this.#options.version !== undefined || spoken === OLDEST_X1_VERSION) return results;
    // Refused before anything was done: it may be asked again.
    if (this.#version === spoken) this.#version = OLDEST_X1_VERSION;
    return this.#askAll(requests);
  }

  /** In one document, those that the version has. */
  async #askAll(requests: readonly X1RequestBody[]): Promise<(X1ResponseBody | X1ExchangeError)[]> {
    const version = this.#version;
    const beyond = requests.map((body) => beyondX1Version(body, version));
    const sent = requests.filter((_, at) => beyond[at] === null);
    const answers = sent.length === 0 ? [] : await this.#exchange(sent);
    return beyond.flatMap((part) => {
      if (part === null) return answers.splice(0, 1);
      return new X1ExchangeError(
        'beyond-version',
        `${this.peer} speaks ${version}, which does not have ${part}`,
      );
    });
  }

  async #exchange(requests: readonly X1RequestBody[]): Promise<(X1ResponseBody | X1ExchangeError)[]> {
    const { judge, transport, listTransport = transport } = this.#options;
    const messages = requests.map((body) => ({ header: this.#header(), body }));
    const octets = encodeX1Request(messages);
    judge?.check(octets);
    this.#recordSent(octets);
    const isAboutAll = requests.some(({ type }) => ABOUT_ALL.has(type));
    const answer = await (isAboutAll ? listTransport : transport)(octets).catch((error: unknown) => {
      this.#version = this.#options.version ?? X1_VERSION;
      throw error;
    });
    this.#recordReceived(answer);
    const response = this.#read(answer);
    if (response.kind === 'top-level-error') throw this.#badAnswer('the request could not be read there');
    if (response.messages.length !== messages.length)
      throw this.#badAnswer(
        messages.length === 1 ? 'one response is expected' : `${messages.length} responses are expected`,
      );
    const results = messages.map(({ header, body }, at) =>
      this.#resultOf(response.messages[at], header, body.type),
    );
    for (const { header } of response.messages) this.#learn(header.version);
    return results;
  }

  /** The other end has answered under a version. */
  #learn(version: string): void {
    if (this.#options.version !== undefined) return;
    if (isSpokenX1Version(version) && isOlderX1Version(version, this.#version)) this.#version = version;
  }

  #resultOf(
    message: X1ResponseMessage | undefined,
    header: X1Header,
    type: RequestType,
  ): X1ResponseBody | X1ExchangeError {
    const body = this.#bodyOf(message, header, type);
    if (body.type !== 'Error') return body;
    const { error } = body;
    return new X1ExchangeError('refused', `${this.peer}: ${error.code} ${error.description}`, { error });
  }

  #header(): X1Header {
    const { admfIdentifier, neIdentifier, clock, random } = this.#options;
    return {
      admfIdentifier,
      neIdentifier,
      timestamp: clock.now(),
      version: this.#version,
      transactionId: randomUuid(random),
    };
  }

  #read(octets: Uint8Array): X1Response {
    const { judge, answerLimit = X1_SIZE_LIMIT } = this.#options;
    try {
      const response = decodeX1Response(octets, answerLimit);
      judge?.check(octets);
      return response;
    } catch (cause) {
      if (cause instanceof XmlDocumentError && cause.code === 'too-large')
        throw new X1ExchangeError('too-large', `${this.peer}: the answer has ${cause.message}`, { cause });
      if (cause instanceof XmlDocumentError) throw this.#badAnswer(cause.message, cause);
      throw cause;
    }
  }

  #bodyOf(message: X1ResponseMessage | undefined, header: X1Header, type: RequestType): X1ResponseBody {
    if (message === undefined) throw this.#badAnswer('a response is missing');
    const { body } = message;
    // Whoever is asked under a name that is not its own (1040, 1060) answers under its own.
    const other = this.#options.side === 'admf' ? 'neIdentifier' : 'admfIdentifier';
    for (const name of ['admfIdentifier', 'neIdentifier', 'transactionId'] as const) {
      const isFree = name === other && body.type === 'Error';
      if (!isFree && message.header[name] !== header[name]) throw this.#badAnswer(`${name} is another`);
    }
    const isAnswer = body.type === 'Error' ? body.request === type : body.type === type;
    if (!isAnswer) throw this.#badAnswer(`${body.type} does not answer ${type}`);
    return body;
  }

  #badAnswer(why: string, cause?: unknown): X1ExchangeError {
    return new X1ExchangeError('bad-answer', `${this.peer}: ${why}`, { cause });
  }

  #recordSent(octets: Uint8Array): void {
    const { side, admfIdentifier, neIdentifier, recorder } = this.#options;
    recorder?.(side === 'admf' ? admfIdentifier : neIdentifier, this.peer, octets);
  }

  #recordReceived(octets: Uint8Array): void {
    const { side, admfIdentifier, neIdentifier, recorder } = this.#options;
    recorder?.(this.peer, side === 'admf' ? admfIdentifier : neIdentifier, octets);
  }
}

function isUnsupportedVersion(result: X1ResponseBody | X1ExchangeError): boolean {
  return result instanceof X1ExchangeError && result.error?.code === X1_ERRORS.unsupportedVersion.code;
}

/** A UUID of version 4 (RFC 4122 section 4.4) in lower case. */
export function randomUuid(random: Random): string {
  const octets = random.bytes(16);
  const hex = toHex(octets);
  const version = `4${hex.slice(13, 16)}`;
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16) + hex.slice(17, 20);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${version}-${variant}-${hex.slice(20)}`;
}
