/** The mailbox as a process: an endpoint behind one KMS and one CSCF, with a folder of messages. */
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
import { boundsIn } from './config.ts';
import type { MailboxConfig } from './config.ts';
import { Mailbox } from './mailbox.ts';
import { mailboxOperation, mailboxPlace, messagesIn } from './start-operation.ts';
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
  return holdingState(mailboxPlace(config), runtime.clock.now(), (opened) =>
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
  const { username, agent, endpoint, keeper, identification, sip, mediaAddress } = await openEndpoint(
    config,
    runtime,
    opened,
    { tls },
  );
  const store = FileMessageStore.open(messagesIn(config), random, logger);
  let limits = boundsIn(config);
  const mailbox = new Mailbox({
    agent,
    endpoint,
    keeper,
    store,
    limits: () => limits,
    datagrams: datagrams ?? udpDatagrams(logger),
    ports: config.media,
    side: { username, address: mediaAddress },
    clock,
    random,
    logger,
  });
  opened.add(() => mailbox.stop());
  const take = (next: MailboxConfig): void => void (limits = boundsIn(next));
  const operation = mailboxOperation(config, { tls, identification, mailbox, store, take });
  mailbox.start();
  return { mailbox, sip, operation, observe: (observer) => agent.layer.observe(observer) };
}
