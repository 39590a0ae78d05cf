/** The figures of the chain: what each is, what it may be at most, and what is aimed at. */

export interface Figure {
  readonly what: string;
  readonly unit: string;
  readonly limit: number;
  readonly aim: number | null;
  /** Of what has to be so much at least. */
  readonly atLeast?: true;
}

const figure = (what: string, unit: string, limit: number, aim: number | null): Figure => ({
  ...{ what, unit, limit, aim },
});

const POWERS = 'modular powers';

/** In the order in which they are printed. */
export const FIGURES = {
  dfSip: figure('DF, a SIP message, one PDU a write, 2,000/s', POWERS, 0.6, 0.3),
  dfSipDelivered: { ...figure('… delivered within 30 s', 'share', 1, null), atLeast: true },
  recordP99Ms: figure('X2 sent to record in a file, 99 %, 1,000/s', 'ms', 50, 20),
  dfG711: figure('DF, a packet of G.711, 200 streams', POWERS, 0.06, 0.035),
  dfVideo: figure('DF, a packet of 1,200 octets, 200 streams', POWERS, 0.07, 0.04),
  heapPerCallKb: figure('DF, memory of a call with keys that is up', 'kB', 16, 8),
  heapPerEndedCallKb: figure('… 10 s after its end', 'kB', 0.2, 0),
  lemfWaitMs: figure('LEMF, longest wait while 200 MB are recovered', 'ms', 100, 30),
  getKeysCpu: figure('get_keys over TLS against the engine’s warm time', '×', 1.6, 1.3),
  cscfUdp: figure('CSCF, a call over UDP against Kamailio', '×', 3.5, 2.5),
  cscfTcp: figure('CSCF, a call over TCP against Kamailio', '×', 3.5, 2.5),
  gateway: figure('gateway, a packet against rtpengine in user space', '×', 1.5, 1.1),
  gatewayX3: figure('gateway, a packet with X3 against without', '×', 3, 2),
} as const satisfies Readonly<Record<string, Figure>>;

export type FigureName = keyof typeof FIGURES;

export const FIGURE_NAMES = Object.keys(FIGURES) as FigureName[];

/** A figure as measured; `null`: it could not be, and why. */
export type Found =
  | { readonly value: number; readonly notes?: Readonly<Record<string, number>> }
  | { readonly value: null; readonly reason: string };

export interface PrintedFigure extends Omit<Figure, 'atLeast'> {
  readonly value: number | null;
  readonly met: boolean | null;
  readonly reason?: string;
}

export function printed(name: FigureName, found: Found): PrintedFigure {
  const { atLeast, ...row }: Figure = FIGURES[name];
  if (found.value === null) return { ...row, value: null, met: null, reason: found.reason };
  const met = atLeast === true ? found.value >= row.limit : found.value <= row.limit;
  return { ...row, value: Number(found.value.toPrecision(4)), met };
}

/** Lines of a table for people. */
export function tableOf(figures: Partial<Record<FigureName, PrintedFigure>>): string[] {
  const rows = FIGURE_NAMES.flatMap((name) => {
    const row = figures[name];
    if (row === undefined) return [];
    const { value, limit, aim, unit, met, what, reason } = row;
    const verdict = met === null ? (reason ?? '') : met ? 'met' : 'MISSED';
    const cells = [value ?? '–', limit, aim ?? '–'].map((cell) => String(cell).padStart(9)).join('');
    return [`${name.padEnd(20)}${cells}  ${unit.padEnd(15)}${verdict.padEnd(8)}${what}`];
  });
  const head = [
    'figure'.padEnd(20),
    'measured'.padStart(9),
    'limit'.padStart(9),
    'aim'.padStart(9),
    '  unit',
  ];
  return [head.join(''), ...rows];
}
