/** The form in which what a warrant says is kept. */
import Type from 'typebox';
import { strict } from '../../../bytes/schema.ts';

const HOST_PORT = strict({ host: Type.String(), port: Type.Integer() });

export const STORED_TARGETS = Type.Array(strict({ name: Type.String(), value: Type.String() }));
export const STORED_DELIVERY = Type.Enum(['IRI', 'IRI+CC']);
export const STORED_LEMF = strict({ hi2: HOST_PORT, hi3: Type.Optional(HOST_PORT) });

/** As `Warrant.location`. */
export const STORED_LOCATION = Type.Union([Type.Boolean(), Type.Literal('uponChange')]);

/** As `Warrant.xk`. */
export const STORED_XK = Type.Union([Type.Literal(false), Type.String()]);

export const STORED_WARRANT = strict({
  liid: Type.String(),
  targets: STORED_TARGETS,
  delivery: STORED_DELIVERY,
  startTime: Type.Number(),
  endTime: Type.Number(),
  lemf: STORED_LEMF,
  location: Type.Optional(STORED_LOCATION),
  xk: Type.Optional(STORED_XK),
});
