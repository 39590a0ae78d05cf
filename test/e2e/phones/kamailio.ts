/**
 * Debian's Kamailio as the CSCF of a home: registrar with digest, location service, record-routing proxy. It looks
 * names up in a DNS that knows none of ours, so it is told where the CSCF of the other home is.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { Child } from '../../support/child.ts';

const MODULES = '/usr/lib/x86_64-linux-gnu/kamailio/modules/:/usr/lib/kamailio/modules/';

export interface KamailioOptions {
  readonly folder: string;
  /** The home that it serves. */
  readonly domain: string;
  /** Where it listens on 127.0.0.1, TCP and UDP. */
  readonly port: number;
  readonly password: string;
  /** The other home: its domain, the name of its CSCF, and where that is. */
  readonly peer: { readonly domain: string; readonly cscf: string; readonly port: number };
  readonly transport: 'tcp' | 'udp';
}

export class Kamailio {
  readonly #child: Child;

  private constructor(child: Child) {
    this.#child = child;
  }

  /** Starts it, and waits until it listens. */
  static async start(options: KamailioOptions): Promise<Kamailio> {
    const { folder, port } = options;
    mkdirSync(folder, { recursive: true });
    const config = path.join(folder, 'kamailio.cfg');
    writeFileSync(config, configuration(options), { mode: 0o600 });
    // In the foreground, with its own folder for what it leaves, and little memory.
    const args = ['-DD', '-E', '-f', config, '-Y', folder, '-w', folder, '-m', '16', '-M', '4'];
    const child = Child.run('kamailio', args, folder);
    try {
      await listening(child, port);
      return new Kamailio(child);
    } catch (error) {
      await child.stop();
      throw error;
    }
  }

  get output(): string {
    return this.#child.output;
  }

  async stop(): Promise<void> {
    await this.#child.stop();
  }
}

function configuration({ domain, port, password, peer, transport }: KamailioOptions): string {
  return `#!KAMAILIO
debug=1
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
alias="${domain}"
listen=udp:127.0.0.1:${port}
listen=tcp:127.0.0.1:${port}
mpath="${MODULES}"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("usrloc", "db_mode", 0)
modparam("rr", "enable_full_lr", 1)

request_route {
  if (!mf_process_maxfwd_header("10")) {
    sl_send_reply("483", "Too Many Hops");
    exit;
  }
  if (has_totag()) {
    if (!loose_route()) {
      if (is_method("ACK") && t_check_trans()) { t_relay(); exit; }
      sl_send_reply("404", "Not Here");
      exit;
    }
    if ($nh(d) == "${peer.cscf}") { $du = "sip:127.0.0.1:${peer.port};transport=${transport}"; }
    t_relay();
    exit;
  }
  if (is_method("CANCEL")) {
    if (t_check_trans()) { t_relay(); }
    exit;
  }
  if (is_method("REGISTER")) {
    if (!pv_www_authenticate("$td", "${password}", "0")) {
      www_challenge("$td", "1");
      exit;
    }
    save("location");
    exit;
  }
  record_route();
  if ($rd == "${peer.domain}") {
    $du = "sip:127.0.0.1:${peer.port};transport=${transport}";
  } else if (!lookup("location")) {
    sl_send_reply("404", "Not Found");
    exit;
  }
  t_relay();
}
`;
}

async function listening(child: Child, port: number): Promise<void> {
  let open = false;
  let trying = false;
  await child.until('listening', () => {
    if (!open && !trying) {
      trying = true;
      const attempt = connect(port, '127.0.0.1');
      attempt.once('connect', () => {
        open = true;
        attempt.destroy();
      });
      attempt.once('error', () => (trying = false));
    }
    return open;
  });
}
