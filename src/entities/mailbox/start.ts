/** The mailbox as a process: an endpoint behind one KMS and one CSCF, with a folder of messages. */
import path from 'node:path';
import type { Opened, Started } from '../../bytes/opened.ts';
import type { NetworkAddress } from '../../bytes/network-address.ts';
import { openEndpoint } from '../../endpoint/start.ts';
import type { Operation } from '../../host/operation.ts';
import type { Running, Runtime } from '../../host/runtime.ts';
import type { Datagrams } from '../../media/datagrams.ts';
import { udpDatagrams } from '../../net/datagrams.ts';
import { LiveTls } from '../../net/live-tls.ts';
import { loadTls } from '../../net/tls.ts';
import type { Observed } from '../../sip/transactions.ts';
import { holdingState } from '../../storage/lock.ts';
import type { MailboxConfig } from './config.ts';
import { Mailbox } from './mailbox.ts';
import { mailboxOperation } from './start-operation.ts';
import { FileMessageStore } from './store/files.ts';

export interface RunningMailbox extends Running {
  readonly mailbox: Mailbox;
  /** Where it is called. */
  readonly sip: NetworkAddress;
  readonly operation: Operation<MailboxConfig>;
  /** Tells of every SIP message that is sent or received. */
  observe(observer: (observed: Observed) => void): void;
}

/** Starts the mailbox; it registers by itself. `datagrams` stands in for UDP sockets where somebody wants to watch them. */
export function startMailbox(
  config: MailboxConfig,
  runtime: Runtime,
  datagrams?: Datagrams,
): Promise<RunningMailbox> {
  const place = { entity: 'mailbox', folders: [config.folder], files: [config.replays] };
  return holdingState(place, runtime.clock.now(), (opened) =>
    startHolding(config, runtime, opened, datagrams),
  );
}

async function startHolding(
  config: MailboxConfig,
  runtime: Runtime,
  opened: Opened,
  datagrams?: Datagrams,
): Promise<Started<RunningMailbox>> {
  const { clock, logger, random } = runtime;
  const tls = new LiveTls(loadTls(config.tls, clock.now()));
  const { username, agent, endpoint, keeper, sip, mediaAddress } = await openEndpoint(
    config,
    runtime,
    opened,
    {
      tls,
    },
  );
  const store = FileMessageStore.open(path.join(config.folder, 'messages'), random, logger);
  const mailbox = new Mailbox({
    agent,
    endpoint,
    keeper,
    store,
    limits: {
      messages: config.maxMessages,
      messagesOfOne: config.maxMessagesOfOne,
      messagesFromOne: config.maxMessagesFromOne,
      octets: config.maxOctets,
      messageMs: config.maxMessageMs,
      keepSeconds: config.keep,
      calls: config.maxCalls,
    },
    retryMs: config.retryMs,
    datagrams: datagrams ?? udpDatagrams(logger),
    ports: config.media,
    side: { username, address: mediaAddress },
    clock,
    random,
    logger,
  });
  opened.add(() => mailbox.stop());
  const operation = mailboxOperation(config, { tls, mailbox, store });
  mailbox.start();
  return { mailbox, sip, operation, observe: (observer) => agent.layer.observe(observer) };
}
