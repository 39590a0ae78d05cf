/** All that the report of a run says in English. Names and figures come from the record; they are put in as text. */
import type { TopologyElement, TopologyWire } from '../../views/topology.ts';
import { counted } from '../scenarios/checks/check.ts';
import { userIn } from './parties.ts';
import type { MikeyCarrier, MikeyName, RunFacts } from './facts.ts';

export const TEXTS = {
  product: 'Claviger',
  skip: 'Skip to the explanation',
  contents: 'Contents',
  passed: (passed: number, all: number) =>
    all === 1 ? `${passed} of 1 check passed` : `${passed} of ${all} checks passed`,
  failedRun: 'The run did not come to its end',
  facts: {
    scenario: 'Scenario',
    target: 'Target',
    faults: 'What was made to go wrong',
    nothing: 'nothing',
    keys: 'Keys at the LEMF',
    afterKeys: (milliseconds: number) => `${milliseconds} ms after I_MESSAGE_2`,
    sas: 'String to read aloud',
    call: 'Call',
    seconds: (seconds: string) => `${seconds} s`,
    media: 'Media',
    packets: (count: number) => counted(count, 'packet'),
  },
  sections: {
    lines: 'What happened, in fifteen lines',
    checks: 'What was checked',
    voices: 'Spoken and recovered',
    network: 'Who talked to whom',
    ladder: 'The call, message by message',
    record: 'The record',
  },
  lines: {
    about: 'For whoever knows SIP, and not identity-based encryption. All figures are of this run.',
  },
  checks: {
    caption: 'Every check that was made, and what was measured',
    outcome: 'Outcome',
    check: 'Check',
    measured: 'Measured',
    ok: 'passed',
    failed: 'failed',
    none: 'No check was made.',
  },
  voices: {
    about:
      'Spoken is what the phone was given to say, after G.711 there and back. Recovered is what the LEMF made of encrypted packets and keys. Both can be heard here: the audio is in this file.',
    spoken: 'spoken',
    recovered: 'recovered',
    spokenBy: (speaker: string) => `spoken by ${speaker}`,
    recoveredBy: (home: string, liid: string) => `recovered by the LEMF of ${home}, under ${liid}`,
    figure: (speaker: string, lanes: string) => `Waveform of what ${speaker} said: ${lanes}`,
    spectrogram: (speaker: string, lanes: string) => `Spectrogram of what ${speaker} said: ${lanes}`,
    player: (what: string) => `Play: ${what}`,
    seek: 'Place in the recording',
    equal: (file: string, detail: string) => `${file} against what was spoken: ${detail}`,
    onlySpoken: 'Nothing of it was recovered.',
    nobody:
      'Nobody was the target of a warrant: nothing was recovered, and nothing was there to recover it from.',
    packets: (authenticated: number, packets: number) =>
      `${authenticated} of ${packets} packets authenticated`,
    decrypted: (packets: number) => `${packets} packets, decrypted by the DF`,
    stream: (ssrc: string, suites: string, keys: number) =>
      `SSRC ${ssrc}${suites === '' ? '' : `, ${suites}`}, ${counted(keys, 'key')}`,
    withoutAudio: (file: string) => `${file} is beside this file: it is too long to be within it.`,
    rtp: (file: string, packets: number) =>
      `Packets that are not decoded here, in the clear: ${file}, ${packets}`,
  },
  network: {
    about:
      'Each line is a socket with a protocol of its own; its figure says how many messages, PDUs or packets went over it in this run. What is faint was there, and had nothing to carry. Iq, what gateways send each other, and what a mailbox sends, nobody counted.',
    figure: (home: string, ends: string) =>
      `${home}: its phones (${ends}), the operator's elements, the agency, and what went between them`,
    table: 'The same as a table',
    caption: 'What went from whom to whom, by reference point',
    reference: 'Reference point',
    what: 'What it is',
    from: 'From',
    to: 'To',
    count: 'Count',
    target: 'target',
    phone: 'phone',
    mailbox: 'mailbox',
    agency: (home: string) => `agency, ${home}`,
    further: (count: number) => `${count} others`,
  },
  ladder: {
    about:
      'Time is from the first message on. MIKEY messages stand below the arrow that carries them. What the target’s CSCF reports on X2 besides, message by message, is in the record below.',
    figure:
      'The SIP messages of the call, the question to the KMS and the keys at the LEMF, in the order of time',
    scroll: 'Ladder of the call; scrolls sideways',
    messages: 'Every SIP message as it was sent',
    message: (number: string, from: string, to: string) => `${number}, from ${from} to ${to}`,
    further: (count: number) => `${count} further messages are in the folder signalling/`,
    interception: (home: string) => `interception in ${home}`,
  },
  record: {
    about: 'Everything that was told of while the run went on, as report.json has it.',
    caption: 'Timeline of the run',
    open: (count: number) => `${count} events`,
    at: 'Time',
    between: 'Between',
    reference: 'Over',
    what: 'What',
    further: (count: number) => `${count} further events are in report.json`,
  },
  footer:
    'This page is one file. It loads nothing, and says nothing to anybody; it holds what a conversation was made of, so whoever may not hear that should not get it. The record it was made from is report.json, beside it.',
} as const;

/** Names of reference points, and what they are. */
export const REFERENCE_NAMES: Readonly<Record<string, string>> = {
  Gm: 'SIP, phone and CSCF',
  Mw: 'SIP, CSCF and CSCF',
  Iq: 'control of the media gateway',
  X1: 'tasks, from the ADMF (TS 103 221-1)',
  X2: 'signalling of the target (TS 103 221-2)',
  X3: 'content of the target, as it is (TS 103 221-2)',
  Xk: 'questions for keys, DF and KMS',
  HI1: 'warrants',
  HI2: 'records and keys (TS 33.108, TS 102 232-1)',
  HI3: 'content (TS 33.108, TS 102 232-1)',
  PPS: 'public parameters (RFC 5408)',
  REQUEST_KEY: 'private keys and seeds (RFC 6267)',
  media: 'SRTP packets that a phone sent',
};

export const WIRE_NAMES: Readonly<Record<TopologyWire, string>> = {
  Gm: 'Gm',
  Mw: 'Mw',
  Iq: 'Iq',
  phones: 'SRTP',
  homes: 'SRTP',
  keys: 'REQUEST_KEY',
  X1: 'X1',
  X2: 'X2',
  X3: 'X3',
  Xk: 'Xk',
  HI1: 'HI1',
  HI2: 'HI2',
  HI3: 'HI3',
};

export const ELEMENT_NAMES: Readonly<
  Record<TopologyElement, { readonly name: string; readonly note: string }>
> = {
  kms: { name: 'KMS', note: 'private keys' },
  cscf: { name: 'CSCF', note: 'routes SIP' },
  gateway: { name: 'gateway', note: 'relays SRTP' },
  df: { name: 'DF', note: 'hands over' },
  admf: { name: 'ADMF', note: 'warrants' },
  lemf: { name: 'LEMF', note: 'decrypts' },
  authority: { name: 'authority', note: 'orders' },
};

/** The explanation: fifteen lines, whatever happened. */
export function fifteenLines(facts: RunFacts): readonly string[] {
  return [...agreement(facts), ...interception(facts)];
}

function agreement(facts: RunFacts): string[] {
  const { caller, callee, called, carriers, cryptoSessions, sas, suites, mediaPackets } = facts;
  const other = called ?? 'the address';
  const whom =
    called !== null && callee !== null && userIn(called) !== callee
      ? `${called}, ${callee} answers`
      : (callee ?? 'somebody');
  const one = facts.calls > 1 ? ` (the first of ${facts.calls} calls)` : '';
  return [
    caller === null
      ? 'No call came to its end in this run.'
      : `${caller} calls ${whom}${one}, and what they say is to be encrypted. The SIP is that of any call, ${counted(facts.sipMessages, 'message')} from the first INVITE on; what is new stands in the SDP, in lines a=key-mgmt:mikey (RFC 4567).`,
    `Identity-based encryption (IBE) turns an address into a public key. With the published parameters of an operator anybody can encrypt to ${other}, without a certificate, a directory or an earlier contact.`,
    `One party alone can compute the private key of an address: the operator’s key management server (KMS). Each phone fetched its own before the call, for a period at a time (REQUEST_KEY, ${counted(facts.keyRequests, 'time')} in this run).`,
    `With its private key each phone gets a seed. Where others take a Diffie–Hellman secret at random, it draws one from the seed; nothing on the wire shows the difference.${facts.ignoresSeed.length === 0 ? '' : ` The phone of ${facts.ignoresSeed.join(', ')} was made not to.`}`,
    carried(
      'I_MESSAGE_1',
      carriers,
      'a Diffie–Hellman share, encrypted to the address of the other end, and what ciphers there are to choose from',
    ),
    carried('R_MESSAGE_1', carriers, ANSWERS[String(facts.isEchoed)] ?? ''),
    carried(
      'I_MESSAGE_2',
      carriers,
      'the second share sent back. Now each end has seen the other open what was for it alone; before that no speech flows',
    ),
    carriers.R_MESSAGE_2 === null
      ? 'No R_MESSAGE_2, which would confirm the exchange, was seen.'
      : `${whose(carriers.R_MESSAGE_2)} carries R_MESSAGE_2, which confirms. From the two shares both ends compute one secret, and from that the keys of ${counted(cryptoSessions, 'crypto session')}. No KMS took part in this, and no key was sent.`,
    sas === null
      ? 'Two people on a call can read a short string aloud, to be sure that nobody sits between them; of this call there is none on record that both ends show.'
      : `To be sure that nobody sits between them, the two can read aloud a short string that their phones show. Here it was ${sas} at both ends.`,
    `Speech is SRTP${suites.length === 0 ? '' : ` (${suites.join(', ')})`}: ${counted(mediaPackets, 'packet')}. The media gateways relay what they get, octet for octet, and have no key to it.`,
  ];
}

function interception(facts: RunFacts): string[] {
  const { warrants, counts, questions, refusals } = facts;
  const [first] = warrants;
  if (first === undefined)
    return [
      'In this run nobody was the target of a warrant. What follows says so in figures.',
      `The CSCFs reported ${counted(counts.X2, 'SIP message')} (X2), and the gateways ${counted(counts.X3, 'packet')} (X3).`,
      `The KMSs were asked for keys ${counted(questions, 'time')} (Xk). They answer only for targets that their own ADMF has named to them.`,
      `The LEMFs got ${counted(counts.HI2, 'record')} (HI2) and ${counted(counts.HI3, 'packet')} (HI3), and recovered ${counted(facts.recordings, 'recording')}.`,
      outcome(facts),
    ];
  const named = warrants.map(({ liid, target }) => `${liid} on ${target}`).join(', ');
  const homes = [...new Set(warrants.map(({ home }) => home))].join(' and ');
  return [
    `There was a warrant: ${named}. The ADMF of ${homes} told KMS, DF, gateway and CSCF of it (X1, ${counted(counts.X1, 'message')} in all), those that receive before those that send.`,
    `So the CSCF of ${homes} reported ${counted(counts.X2, 'SIP message')} to the DF (X2), and the gateway ${counted(counts.X3, 'packet')} as they were, still encrypted (X3). What the call itself sends is the same with a warrant and without.`,
    questions === 0
      ? 'No KMS was asked for keys in this run: no exchange with content under a warrant came to the DF.'
      : `The DF found the MIKEY messages in the SIP and asked the target’s KMS (Xk, ${counted(questions, 'question')}). The KMS knows the warrant from its own ADMF, opens what was sent to the target, draws the target’s secret from the seed again, compares the point, and answers with the keys of this call alone${refusals.length === 0 ? '.' : `. ${without(facts)}`}`,
    handedOver(facts),
    outcome(facts),
  ];
}

function without({ keyAnswers, refusals }: RunFacts): string {
  const said = refusals.join(', ');
  return keyAnswers === 0
    ? `Here there were no keys: ${said}.`
    : `Here ${counted(keyAnswers, 'question')} ${keyAnswers === 1 ? 'was' : 'were'} answered with keys, and others were not: ${said}.`;
}

/** What R_MESSAGE_1 holds (RFC 6267 section 4.2.2.3), by whether the first share is sent back. */
const ANSWERS: Readonly<Record<string, string>> = {
  true: 'the first share sent back, which proves that it could be opened, and a second share, both encrypted to whoever began',
  false:
    'a second share, encrypted to whoever began. The first was encrypted to somebody else and cannot be opened here; that it does not come back says so',
  null: 'a second share, encrypted to whoever began, and the first beside it if it could be opened',
};

function handedOver(facts: RunFacts): string {
  const { counts, keyRecords, millisecondsToKeyRecord, recordings, authenticated, decryptedInNetwork } =
    facts;
  const soon =
    millisecondsToKeyRecord === null ? '' : `, the first ${millisecondsToKeyRecord} ms after I_MESSAGE_2`;
  const keys = `The LEMF got ${counted(counts.HI2, 'record')} (HI2), ${counted(keyRecords, 'key')} among them${soon}, and ${counted(counts.HI3, 'packet')} of content (HI3).`;
  if (recordings === 0) return `${keys} It recovered no speech${reasons(facts)}`;
  const how = decryptedInNetwork
    ? 'The DF had decrypted them, which is a setting of its own'
    : `There ${counted(authenticated, 'packet')} authenticated under the keys and ${authenticated === 1 ? 'was' : 'were'} decrypted`;
  return `${keys} ${how}: ${counted(recordings, 'recording')}, to be heard below.`;
}

function reasons({ explanations }: RunFacts): string {
  return explanations.length === 0 ? '.' : `: ${explanations.join('; ')}.`;
}

function outcome({ asked, notAsked, checks, warrants }: RunFacts): string {
  const others =
    asked.length === 0 || notAsked.length === 0
      ? ''
      : `The KMS of ${notAsked.join(' and ')} was not asked: one end’s is enough. `;
  const log =
    warrants.length === 0 ? '' : 'What a KMS releases is in its audit log before the answer leaves. ';
  return `${others}${log}${TEXTS.passed(checks.passed, checks.all)}, each with what was measured.`;
}

function carried(name: MikeyName, carriers: RunFacts['carriers'], what: string): string {
  const carrier = carriers[name];
  return carrier === null ? `No ${name} was seen.` : `${whose(carrier)} carries ${name}: ${what}.`;
}

function whose({ from, message }: MikeyCarrier): string {
  return `${from}’s ${message}`;
}
