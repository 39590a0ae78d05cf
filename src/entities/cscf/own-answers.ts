/** Answers that this node gives by itself, in place of whoever a request was for. */
import { makeResponse } from '../../sip/response.ts';
import type { ResponseParts } from '../../sip/response.ts';
import type { ServerTransaction } from '../../sip/server-transaction.ts';
import type { TransactionLayer } from '../../sip/transactions.ts';
import { warningFields } from '../../sip/warning.ts';
import { ROUTE_WARNING } from './abilities.ts';
import type { Route } from './routing.ts';

export class OwnAnswers {
  readonly #layer: TransactionLayer;
  /** `host:port` of this node. */
  readonly #name: string;

  constructor(layer: TransactionLayer, name: string) {
    this.#layer = layer;
    this.#name = name;
  }

  /** Without state and once, as long as it is not known who asks (RFC 3261 section 26.3.2.4). */
  reply(transaction: ServerTransaction, status: number, parts: ResponseParts = {}): void {
    const { request } = transaction;
    const response = makeResponse(request, status, { toTag: this.#layer.tagFor(request), ...parts });
    if (transaction.admitted) transaction.respond(response);
    else transaction.answerOnce(response);
  }

  challenge(transaction: ServerTransaction, challenges: readonly string[]): void {
    const fields = challenges.map((value) => ['Proxy-Authenticate', value] as const);
    this.reply(transaction, 407, { fields });
  }

  /** Why a request goes nowhere. */
  refuse(transaction: ServerTransaction, { status, warning }: Extract<Route, { kind: 'refused' }>): void {
    const text = warning === undefined ? null : { code: warning, text: ROUTE_WARNING[warning] };
    const fields = text === null ? [] : warningFields(status, this.#name, text);
    this.reply(transaction, status, { fields });
  }
}
