/** The officers' interface of an ADMF, as its client sees it: answers that are what they should be, or errors with hints. */
import Type from 'typebox';
import { fromUtf8, utf8 } from '../../bytes/octets.ts';
import { Form } from '../../bytes/schema.ts';
import { systemClock } from '../../host/runtime.ts';
import { HostMap } from '../../net/hosts.ts';
import { HttpsClient, HttpsError } from '../../net/https.ts';
import type { HttpsAnswer } from '../../net/https.ts';
import { loadTls } from '../../net/tls.ts';
import { CliError } from '../failure.ts';
import type { OfficerConfig } from '../../entities/admf/config-officer.ts';

/** Problem details as far as they are read here. */
const PROBLEM_FORM = new Form(Type.Object({ detail: Type.String(), code: Type.Optional(Type.String()) }));

/** What to do about refusals, by code, else by status. */
const HINTS: Readonly<Record<string, string>> = {
  'not-admitted':
    "The ADMF's setting `officers.peers` must have the certificate's name, and the certificate a role of a person.",
  role: 'Name the configuration of somebody who has that role: --config FILE.',
  'own-act': 'Somebody else with the role approver must do it: --config FILE of that one.',
  stale: 'It was changed meanwhile: look again (claviger warrant show LIID) and decide anew.',
  'warrant-unknown': 'claviger warrant list has those that are on record.',
  'warrant-exists': 'Choose another LIID, or change that one: claviger warrant amend, extend.',
  'wrong-state': 'claviger warrant show LIID has its state and its history.',
  'change-pending': 'claviger warrant show LIID has it; an approver approves or rejects it.',
  'nothing-pending': 'claviger warrant list --pending has those that wait.',
  '503': 'Nothing is done that cannot be put on record; try again when the ADMF can write its audit log.',
};

/** An answer, as JSON and as it is read. */
export interface Answered<T> {
  readonly json: unknown;
  readonly value: T;
}

export class OfficerApi {
  readonly #client: HttpsClient;
  readonly #url: string;

  /** @throws TlsError */
  constructor(config: OfficerConfig) {
    this.#url = config.url;
    this.#client = new HttpsClient({
      hosts: new HostMap(config.hosts),
      tls: loadTls(config.tls, systemClock().now()),
      timeoutMs: config.timeoutMs,
      answerLimit: 64 << 20,
    });
  }

  /** @param read of the answer @throws CliError `failed` with what the ADMF says, and a hint */
  async get<T>(path: string, read: (json: unknown) => T): Promise<Answered<T>> {
    const json = await this.#ask('GET', path);
    return { json, value: read(json) };
  }

  /** As `get`. @param body what is sent as JSON */
  async post<T>(path: string, body: object, read: (json: unknown) => T): Promise<Answered<T>> {
    const json = await this.#ask('POST', path, body);
    return { json, value: read(json) };
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  async #ask(method: 'GET' | 'POST', path: string, body?: object): Promise<unknown> {
    const content =
      body === undefined ? undefined : { type: 'application/json', octets: utf8(JSON.stringify(body)) };
    const answer = await this.#client.request(method, this.#url + path, content).catch(unreachable);
    if (answer.status >= 400) throw refusal(answer);
    return jsonOf(answer);
  }
}

function unreachable(error: unknown): never {
  if (!(error instanceof HttpsError)) throw error;
  const hint = 'Is the ADMF up, with the setting `officers`? Are url, hosts and tls those that it goes by?';
  throw new CliError('failed', 'the ADMF did not answer', hint, { cause: error });
}

function refusal(answer: HttpsAnswer): CliError {
  const reading = PROBLEM_FORM.read(jsonOf(answer));
  if (!('value' in reading))
    return new CliError('failed', `the ADMF refused it with status ${answer.status}`);
  const { detail, code } = reading.value;
  return new CliError('failed', detail, HINTS[code ?? ''] ?? HINTS[String(answer.status)]);
}

function jsonOf({ body, status }: HttpsAnswer): unknown {
  try {
    return JSON.parse(fromUtf8(body)) as unknown;
  } catch (cause) {
    const hint = 'Is the url that of an ADMF?';
    throw new CliError('failed', `an answer with status ${status} that is not JSON`, hint, { cause });
  }
}
