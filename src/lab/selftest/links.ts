/** The links that a call under a warrant needs, in order, and what to look at where one is broken. */

export const LINKS = {
  entities: {
    title: 'entities that can be asked are ready',
    look: 'claviger status --config FILE of the one that is named, and its log',
  },
  officers: {
    title: 'officers → ADMF: the warrant',
    look: 'the ADMF’s log; officers.peers and the roles in the officers’ certificates; approval',
  },
  x1: {
    title: 'X1: ADMF → elements',
    look: 'claviger alarms --config FILE of the ADMF; whether the element runs; names and roles in both certificates (claviger config check)',
  },
  'request-key': {
    title: 'phones → KMS: REQUEST_KEY',
    look: 'the log of the KMS; credential, psk and url of the phone; the clocks; partners and their KMS',
  },
  registration: {
    title: 'phones → CSCF: registration',
    look: 'the log of the CSCF; username, password and url of the phone',
  },
  call: {
    title: 'call set-up through the CSCFs',
    look: 'the logs of both CSCFs; whether their gateways run and have ports (claviger status); peers between homes',
  },
  keys: { title: 'keys agreed between the phones', look: 'the logs of both phones and KMSs; the clocks' },
  media: {
    title: 'media through the gateways',
    look: 'the gateways’ ports and addresses; firewalls for UDP between phones and gateways',
  },
  x2: {
    title: 'X2: CSCF → DF',
    look: 'claviger status --config FILE of the CSCF: queues and peers; the DF’s log; whether both have the task',
  },
  x3: {
    title: 'X3: gateway → DF',
    look: 'claviger status --config FILE of the gateway: queues and peers; the DF’s log; whether media are anchored there',
  },
  xk: {
    title: 'Xk: DF → KMS',
    look: 'the KMS’s audit log says why it gave none (claviger audit verify); xk.peers; whether the KMS has the task',
  },
  hi2: {
    title: 'HI2: DF → LEMF',
    look: 'claviger status --config FILE of the DF: queues and peers; the LEMF’s log; hi2.peers there',
  },
  'hi2-keys': { title: 'HI2: keys at the LEMF', look: 'claviger set-aside on the DF’s store; the DF’s log' },
  hi3: {
    title: 'HI3: DF → LEMF',
    look: 'claviger status --config FILE of the DF: queues and peers; the LEMF’s log; hi3.peers there',
  },
  audio: {
    title: 'audio recovered at the LEMF',
    look: 'claviger lemf recover on the LEMF’s files: its report says why',
  },
  withdrawal: {
    title: 'the warrant withdrawn everywhere',
    look: 'claviger warrant show LIID; claviger alarms --config FILE of the ADMF: it goes on until all have taken it',
  },
  silence: {
    title: 'a second call leaves nothing',
    look: 'whether elements still have the task (claviger status); stop them if they go on',
  },
} as const satisfies Readonly<Record<string, { readonly title: string; readonly look: string }>>;

export type LinkName = keyof typeof LINKS;
