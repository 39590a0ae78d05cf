/** Content that a mailbox delivers, as the recipient's call wants it; `ibake/deferred.ts` has what it means. */
import { ClavigerError } from '../bytes/errors.ts';
import { openContent, timesOf } from '../ibake/deferred.ts';
import type { ContentRecipient, DeliveredMessages } from '../ibake/deferred.ts';
import { EndpointError } from './errors.ts';
import { keyedStream } from './csb-updates.ts';
import type { KeyedStream } from './key-exchange.ts';
import type { KeyKeeper } from './key-keeper.ts';

export interface DeliveredContent {
  /** Who wrote it, on the mailbox's word: nothing else proves it. */
  readonly author: string;
  readonly mailbox: string;
  /** The author's streams. */
  readonly streams: readonly KeyedStream[];
  /** The same for the same content, by whatever call it comes. */
  readonly id: string;
  /** Whether it may be played: not once it was heard, and not for ever anew. */
  begin(): boolean;
  /** It was heard to its end, or as far as the user wanted. */
  heard(): void;
  /** Overwrites the keys. */
  wipe(): void;
}

/** Opens what mailboxes deliver; keys of periods that are over are asked for. */
export class DeliveryOpener {
  readonly #recipient: ContentRecipient;
  readonly #keeper: Pick<KeyKeeper, 'fetchFor'>;

  constructor(recipient: ContentRecipient, keeper: Pick<KeyKeeper, 'fetchFor'>) {
    this.#recipient = recipient;
    this.#keeper = keeper;
  }

  /**
   * @throws EndpointError `key-exchange` if it is not for this user, or does not verify; `kms`, `no-key` if its keys cannot
   *   be had
   */
  async open(messages: DeliveredMessages): Promise<DeliveredContent> {
    try {
      for (const time of timesOf(this.#recipient, messages) ?? []) await this.#keeper.fetchFor(time);
      const content = openContent(this.#recipient, messages);
      if (content === null) throw new EndpointError('key-exchange', 'a delivery for somebody else');
      const { author, mailbox, cryptoSessions, id } = content;
      return {
        author,
        mailbox,
        streams: cryptoSessions.map(keyedStream),
        id,
        begin: () => content.begin(),
        heard: () => content.heard(),
        wipe: () => {
          for (const { tek, salt } of cryptoSessions) [tek, salt].forEach((secret) => secret.wipe());
        },
      };
    } catch (cause) {
      if (cause instanceof EndpointError || !(cause instanceof ClavigerError)) throw cause;
      throw new EndpointError('key-exchange', 'what a mailbox delivers does not verify', { cause });
    }
  }
}
