/** The record of a run as a network: both homes, and what went over each reference point. */
import type { HomeTopology, TopologyEnd, TopologyWire } from '../../views/topology.ts';
import { MAILBOX_USER } from '../network/home.ts';
import type { DemoReport, LinkReport } from '../scenarios/report.ts';
import type { HomeEnds } from './parties.ts';
import { homesOf, userIn } from './parties.ts';
import { ELEMENT_NAMES, TEXTS, WIRE_NAMES } from './texts.ts';

export function homeTopologies(report: Pick<DemoReport, 'timeline' | 'links' | 'warrants'>): HomeTopology[] {
  return homesOf(report.timeline).map((home, at) => {
    const ends = home.ends.map((name) => endOf(name, home.name, report));
    return {
      name: home.name,
      inner: at === 0 ? 'right' : 'left',
      ends,
      figures: figuresOf(home, report.links),
      words: {
        title: TEXTS.network.figure(home.name, ends.map(({ name, note }) => `${name}: ${note}`).join(', ')),
        wires: WIRE_NAMES,
        elements: ELEMENT_NAMES,
        agency: TEXTS.network.agency(home.name),
        further: TEXTS.network.further,
      },
    };
  });
}

function endOf(name: string, home: string, { warrants }: Pick<DemoReport, 'warrants'>): TopologyEnd {
  const { target, phone, mailbox } = TEXTS.network;
  const user = userOfEnd(name);
  const isMarked = warrants.some((warrant) => warrant.home === home && userIn(warrant.target) === user);
  return { name, note: isMarked ? target : isMailbox(name) ? mailbox : phone, isMarked };
}

function isMailbox(end: string): boolean {
  return userOfEnd(end) === MAILBOX_USER;
}

/** `bob` of `bob.desk`, `mailbox` of `mailbox.home2`. */
function userOfEnd(end: string): string {
  return end.split('.', 1)[0] ?? end;
}

function figuresOf({ name, ends }: HomeEnds, links: readonly LinkReport[]): HomeTopology['figures'] {
  const suffix = `.${name}`;
  const isOwn = ({ from, to }: LinkReport): boolean => from.endsWith(suffix) || to.endsWith(suffix);
  const sum = (reference: LinkReport['reference']): number =>
    links.reduce((count, link) => count + (link.reference === reference && isOwn(link) ? link.count : 0), 0);
  const counted: Readonly<Record<TopologyWire, number | null>> = {
    Gm: sum('Gm'),
    Mw: sum('Mw'),
    Iq: null,
    // What a mailbox sends is in no record.
    phones: ends.some(isMailbox) ? null : sum('media'),
    homes: null,
    keys: sum('REQUEST_KEY'),
    X1: sum('X1'),
    X2: sum('X2'),
    X3: sum('X3'),
    Xk: sum('Xk'),
    HI1: sum('HI1'),
    HI2: sum('HI2'),
    HI3: sum('HI3'),
  };
  return counted;
}
