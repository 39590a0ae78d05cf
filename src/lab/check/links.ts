/** Who points at whom: whether each name leads to the one that is meant, who bears it, admits the asker and knows it. */
import { HostMap } from '../../net/hosts.ts';
import { agencyOfPeer } from '../../entities/admf/http/hi1.ts';
import { whyNotTrusted } from '../../net/chains.ts';
import { personOf } from '../../net/persons.ts';
import { admissionOf, isAdmitted, isNamed, OFFICE_ROLES, peerOfCertificate } from '../../net/tls.ts';
import type { Peer, Role } from '../../net/tls.ts';
import type { NextHop } from '../../sip/flow.ts';
import { certificatesOf, certifiedName } from './certificates.ts';
import type { OwnCertificate } from './certificates.ts';
import type { Checked, CheckedOf, ConfigFinding, Kind } from './configurations.ts';
import { wrongCertificate, wrongKey } from './key-requests.ts';
import { bareHost, endpointText } from '../../bytes/network-address.ts';
import { placeAt } from './places.ts';
import type { ListeningPlace } from './places.ts';
import type { Hi1ConfigEndpoint } from '../../entities/admf/config-hi1.ts';
import type { OfficerConfig } from '../../entities/admf/config-officer.ts';
import { X509Certificate } from 'node:crypto';

/** What is checked together. */
export interface CheckedNetwork {
  readonly all: readonly Checked[];
  readonly places: readonly ListeningPlace[];
  readonly certificates: ReadonlyMap<Checked, OwnCertificate>;
  /** Whether these are all that there are: then what leads elsewhere is wrong. */
  readonly complete: boolean;
  /** Unix milliseconds. */
  readonly now: number;
}

export function linkFindings(network: CheckedNetwork): ConfigFinding[] {
  const links = new Links(network);
  for (const checked of network.all) links.check(checked);
  return links.found;
}

/** What a link is to lead to. */
interface Aim<K extends Kind> {
  readonly kind: K;
  /** Of the other's settings, e.g. `xk`. */
  readonly setting: string;
  readonly host: string;
  readonly port: number;
  readonly protocol?: 'tcp' | 'udp';
}

class Links {
  readonly found: ConfigFinding[] = [];
  readonly #network: CheckedNetwork;

  constructor(network: CheckedNetwork) {
    this.#network = network;
  }

  check(checked: Checked): void {
    switch (checked.kind) {
      case 'kms':
        this.#report(checked, 'admf', checked.config.admf, checked.config.name);
        return;
      case 'cscf':
        this.#report(checked, 'x1.admf', checked.config.x1.admf, checked.config.x1.identifier);
        this.#cscf(checked);
        return;
      case 'gateway':
        this.#report(checked, 'x1.admf', checked.config.x1.admf, checked.config.x1.identifier);
        return;
      case 'df':
        this.#report(checked, 'x1.admf', checked.config.x1.admf, checked.config.x1.identifier);
        this.#df(checked);
        return;
      case 'admf':
        this.#admf(checked);
        return;
      case 'lemf':
        this.#lemf(checked);
        return;
      case 'mailbox':
        this.#mailbox(checked);
        return;
      case 'ue':
        this.#phone(checked);
        return;
      case 'officer':
        this.#officer(checked);
        return;
      case 'analyst':
        this.#analyst(checked);
        return;
      case 'agency':
        this.#agency(checked);
    }
  }

  /** An element's ADMF. */
  #report(
    from: Checked,
    place: string,
    { identifier, url }: { readonly identifier: string; readonly url: string },
    own: string,
  ): void {
    const admf = this.#followUrl(from, `${place}.url`, url, 'admf', 'listen');
    if (admf === null) return;
    if (admf.config.identifier !== identifier)
      this.#error(
        from,
        `${place}.identifier is ${identifier}, but ${admf.file} calls itself ${admf.config.identifier}`,
      );
    if (!admf.config.elements.some((element) => element.identifier === own))
      this.#warn(from, `${place}: ${admf.file} has no element ${own}, and provisions nothing here`);
  }

  #admf(admf: CheckedOf<'admf'>): void {
    const { elements, identifier, x2x3 } = admf.config;
    for (const [at, element] of elements.entries()) {
      const place = `elements[${at}]`;
      const setting = element.kind === 'kms' ? 'x1' : 'x1.listen';
      const other = this.#followUrl(admf, `${place}.url`, element.url, element.kind, setting);
      if (other === null) continue;
      const name = certifiedName(other);
      if (name !== element.identifier)
        this.#error(
          admf,
          `${place}.identifier is ${element.identifier}, but ${other.file} calls itself ${name ?? ''}`,
        );
      const theirs = other.kind === 'kms' ? other.config.admf : other.config.x1.admf;
      if (theirs.identifier !== identifier)
        this.#error(
          admf,
          `${place}: ${other.file} takes orders of ${theirs.identifier} alone, not of ${identifier}`,
        );
    }
    this.#watcher(admf, 'officers.entities', admf.config.officers?.entities ?? [], ['admf']);
    // Where PDUs go is found by the elements, with hosts of their own.
    for (const each of this.#network.all) {
      if (each.kind !== 'cscf' && each.kind !== 'gateway') continue;
      if (each.config.x1.admf.identifier !== identifier) continue;
      const aim = { kind: 'df', setting: 'x2x3', ...x2x3 } as const;
      const df = this.#follow(each, `hosts, for x2x3 of ${admf.file}`, aim);
      if (df !== null) this.#admits(each, df, 'x2x3', df.config.x2x3.peers, ['cscf', 'gateway']);
    }
  }

  #cscf(cscf: CheckedOf<'cscf'>): void {
    const { iq, peers, subscribers } = cscf.config;
    const run = this.#network.all.flatMap((each) => (each.kind === 'mailbox' ? [each.config.identity] : []));
    const wanted = new Set(subscribers.flatMap(({ mailbox }) => mailbox?.identity ?? []));
    for (const identity of this.#network.complete ? wanted : [])
      if (!run.includes(identity))
        this.#warn(cscf, `subscribers[].mailbox: there is no mailbox ${identity} among these`);
    if (iq !== undefined) {
      const gateway = this.#followUrl(cscf, 'iq.url', iq.url, 'gateway', 'control');
      if (gateway !== null) this.#admits(cscf, gateway, 'control', gateway.config.control.peers, ['cscf']);
    }
    for (const [at, peer] of peers.entries()) {
      const other = this.#follow(cscf, `peers[${at}].cscf`, sipAim(peer.cscf));
      if (other !== null && other.config.domain !== peer.domain)
        this.#error(
          cscf,
          `peers[${at}].domain is ${peer.domain}, but ${other.file} serves ${other.config.domain}`,
        );
      if (other !== null && !other.config.peers.some(({ domain }) => domain === cscf.config.domain))
        this.#warn(cscf, `peers[${at}]: ${other.file} does not have ${cscf.config.domain} among its peers`);
    }
  }

  #df(df: CheckedOf<'df'>): void {
    const kms = this.#followUrl(df, 'xk.url', df.config.xk.url, 'kms', 'xk');
    if (kms !== null) {
      this.#admits(df, kms, 'xk', kms.config.xk.peers, ['df']);
      if (kms.config.admf.identifier !== df.config.x1.admf.identifier)
        this.#error(df, `xk.url: ${kms.file} gives keys for warrants of ${kms.config.admf.identifier} alone`);
    }
    // LEMFs come with warrants: of those that hosts lead to, whether they would let it in.
    for (const lemf of this.#network.all) {
      if (lemf.kind !== 'lemf') continue;
      const leads = new HostMap(df.config.hosts).endpoints();
      for (const setting of ['hi2', 'hi3'] as const)
        if (leads.some(({ port }) => port === lemf.config[setting].port))
          if (this.#ownDomain(df, lemf)) this.#admits(df, lemf, setting, lemf.config[setting].peers, ['df']);
    }
  }

  /** One that asks the KMS itself: whether that leads there, and the KMS lets it. */
  #lemf(lemf: CheckedOf<'lemf'>): void {
    const { xk } = lemf.config;
    const kms = xk === undefined ? null : this.#followUrl(lemf, 'xk.url', xk.url, 'kms', 'xk');
    const asker = kms === null ? null : this.#seenBy(kms, lemf);
    if (kms === null || asker === null) return;
    if (!isAdmitted(asker, { roles: ['lemf'], names: kms.config.xk.lemfs }))
      this.#error(kms, `xk.lemfs: ${asker.commonName} of ${lemf.file} is not among them`);
  }

  /** A LEMF without `peers` takes the DF of its own domain; others' DFs may know it and never deliver. */
  #ownDomain(df: CheckedOf<'df'>, lemf: CheckedOf<'lemf'>): boolean {
    const domain = (each: Checked): string =>
      this.#network.certificates.get(each)?.peer.commonName.replace(/^[^.]+\./, '') ?? '';
    return domain(df) === domain(lemf);
  }

  #mailbox(mailbox: CheckedOf<'mailbox'>): void {
    const { identity } = mailbox.config;
    const node = this.#phone(mailbox);
    if (node !== null && !node.config.subscribers.some((each) => each.mailbox?.identity === identity))
      this.#warn(mailbox, `identity: no subscriber of ${node.file} has this mailbox: it takes no calls`);
  }

  /** @returns its CSCF */
  #phone(phone: CheckedOf<'ue' | 'mailbox'>): CheckedOf<'cscf'> | null {
    const {
      kms: { url, proof },
      cscf,
      identity,
    } = phone.config;
    const { authorities } = phone.kind === 'mailbox' ? phone.config.tls : phone.config;
    const kms = this.#followUrl(phone, 'kms.url', url, 'kms', 'users');
    if (kms !== null) {
      const wrong =
        proof.kind === 'psk'
          ? wrongKey(proof, kms.config, kms.file)
          : wrongCertificate(proof, phone.config, kms.config, { of: kms.file, now: this.#network.now });
      if (wrong !== null) this.#error(phone, wrong);
      const own = this.#network.certificates.get(kms);
      if (own !== undefined) {
        const chain = certificatesOf(kms.config.tls.certificate);
        if (whyNotTrusted(chain, certificatesOf(authorities), this.#network.now) !== null)
          this.#error(phone, `authorities: the certificate of ${kms.file} does not chain to them`);
      }
    }
    const node = this.#follow(phone, 'cscf.url', sipAim(cscf.url));
    if (node === null) return null;
    const subscriber = node.config.subscribers.find((each) => each.identity === identity);
    if (subscriber === undefined) this.#error(phone, `identity: ${node.file} has no such subscriber`);
    else if (subscriber.username !== cscf.username)
      this.#error(phone, `cscf.username is not the one that ${node.file} has`);
    else if (!subscriber.password.equals(cscf.password))
      this.#error(phone, `cscf.password is not the one that ${node.file} has`);
    return node;
  }

  #officer(officer: CheckedOf<'officer'>): void {
    const admf = this.#followUrl(officer, 'url', officer.config.url, 'admf', 'officers');
    const person = admf === null ? null : this.#seenBy(admf, officer);
    const peers = admf?.config.officers?.peers ?? [];
    if (admf !== null && person !== null && personOf(person, peers, OFFICE_ROLES) === null)
      this.#error(admf, `officers.peers: ${person.commonName} of ${officer.file} is not admitted`);
    this.#watcher(officer, 'entities', officer.config.entities ?? [], ['operator', 'auditor']);
  }

  /** Whether the entities that are watched admit whoever watches them. */
  #watcher(
    from: Checked,
    place: string,
    entities: NonNullable<OfficerConfig['entities']>,
    roles: readonly Role[],
  ): void {
    for (const [at, { kind, url }] of entities.entries()) {
      const entity = this.#followUrl(from, `${place}[${at}].url`, url, kind, 'admin');
      if (entity !== null) this.#admits(from, entity, 'admin', entity.config.admin?.peers, roles);
    }
  }

  #analyst(analyst: CheckedOf<'analyst'>): void {
    const lemf = this.#followUrl(analyst, 'url', analyst.config.url, 'lemf', 'analysts');
    if (lemf === null) return;
    const person = this.#seenBy(lemf, analyst);
    if (person !== null && personOf(person, lemf.config.analysts?.peers ?? [], ['analyst']) === null)
      this.#error(lemf, `analysts.peers: ${person.commonName} of ${analyst.file} is not admitted`);
  }

  #agency(agency: CheckedOf<'agency'>): void {
    const { url, sender, receiver } = agency.config;
    const admf = this.#followUrl(agency, 'url', url, 'admf', 'hi1.listen');
    const hi1 = admf?.config.hi1;
    if (admf === null || hi1 === undefined) return;
    const peer = this.#seenBy(admf, agency);
    if (peer === null) return;
    const bound = agencyOfPeer(hi1.agencies, peer);
    if (bound === null)
      this.#error(admf, `hi1.agencies: ${peer.commonName} of ${agency.file} is none of them`);
    else if (sender !== undefined && !bound.endpoints.some((each) => isSameEndpoint(each, sender)))
      this.#error(agency, `sender: ${admf.file} does not take it from this certificate`);
    if (receiver !== undefined && !isSameEndpoint(receiver, hi1.endpoint))
      this.#error(
        agency,
        `receiver: ${admf.file} calls itself ${hi1.endpoint.country} ${hi1.endpoint.identifier}`,
      );
  }

  /* ---------------------------------------------------------------- following */

  #followUrl<K extends Kind>(
    from: Checked,
    place: string,
    text: string,
    kind: K,
    setting: string,
  ): CheckedOf<K> | null {
    const url = URL.canParse(text) ? new URL(text) : null;
    if (url?.protocol !== 'https:') {
      this.#error(from, `${place} is not an https URL`);
      return null;
    }
    const port = url.port === '' ? 443 : Number(url.port);
    return this.#follow(from, place, { kind, setting, host: bareHost(url.hostname), port });
  }

  /** Whoever it leads to, if that is who is meant; what is wrong is told. */
  #follow<K extends Kind>(
    from: Checked,
    place: string,
    { kind, setting, host, port, protocol = 'tcp' }: Aim<K>,
  ): CheckedOf<K> | null {
    const hosts = from.kind === 'lemf' ? (from.config.xk?.hosts ?? {}) : from.config.hosts;
    const at = new HostMap(hosts).resolve(host, port);
    const found = placeAt(this.#network.places, at, protocol);
    if (found === null) {
      const text = `${place} leads to ${endpointText(at)}, where nobody of these listens`;
      if (this.#network.complete) this.#error(from, text);
      else this.#warn(from, text);
      return null;
    }
    if (found.checked.kind !== kind || found.setting !== setting) {
      this.#error(
        from,
        `${place} leads to ${found.setting} of ${found.checked.file}, not to ${setting} of ${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}`,
      );
      return null;
    }
    const own = this.#network.certificates.get(found.checked);
    if (own !== undefined && setting !== 'sip' && !isNamed(own.peer, host))
      this.#error(from, `${place}: the certificate of ${found.checked.file} is not for ${host}`);
    return found.checked as CheckedOf<K>;
  }

  /** Whether a listener lets the asker in. */
  #admits(
    from: Checked,
    to: Checked,
    setting: string,
    peers: readonly string[] | undefined,
    roles: readonly Role[],
  ): void {
    const asker = this.#seenBy(to, from);
    const own = this.#network.certificates.get(to);
    if (asker === null || own === undefined) return;
    if (!isAdmitted(asker, admissionOf(peers, own.material, roles)))
      this.#error(to, `${setting}.peers: ${asker.commonName} of ${from.file} is not admitted`);
  }

  /** Who somebody is to another, whose table may say the roles; `null`: one of them has no certificate to use. */
  #seenBy(by: Checked, who: Checked): Peer | null {
    const asker = this.#network.certificates.get(who);
    const own = this.#network.certificates.get(by);
    if (asker === undefined || own === undefined) return null;
    return peerOfCertificate(new X509Certificate(asker.material.certificate), own.material);
  }

  #error({ file }: Checked, text: string): void {
    this.found.push({ severity: 'error', file, text });
  }

  #warn({ file }: Checked, text: string): void {
    this.found.push({ severity: 'warning', file, text });
  }
}

function isSameEndpoint(one: Hi1ConfigEndpoint, other: Hi1ConfigEndpoint): boolean {
  return one.country === other.country && one.identifier === other.identifier;
}

/** Where signalling is sent to. */
function sipAim({ host, port, protocol }: NextHop) {
  const setting = protocol === 'TLS' ? 'sipTls' : 'sip';
  return { kind: 'cscf', setting, host, port, protocol: protocol === 'UDP' ? 'udp' : 'tcp' } as const;
}
