/** The JSON that a task and a destination are kept as; the types of `wire/x1/details.ts`, and nothing else. */
import Type from 'typebox';
import type { Destination, InterceptTask } from '../wire/x1/details.ts';
import type { XmlElement } from '../wire/xml/tree.ts';
import { strict } from '../bytes/schema.ts';
import { jsonColumn } from '../storage/stored-tables.ts';
import type { StoredColumn } from '../storage/stored-tables.ts';

const QUALIFIED = { namespace: Type.String(), name: Type.String() };

/** By reference, since elements hold elements; whatever uses it has `DEFINITIONS`. */
const ELEMENT = Type.Unsafe<XmlElement>({ $ref: '#/$defs/Element' });

const DEFINITIONS = {
  $defs: {
    Element: strict({
      ...QUALIFIED,
      type: Type.Union([strict(QUALIFIED), Type.Null()]),
      children: Type.Array(ELEMENT),
      text: Type.String(),
    }),
  },
};

const TEXTS = Type.Array(Type.String());
const EXTENSIONS = Type.Array(strict({ owner: Type.String(), content: Type.Array(ELEMENT) }));
const SERVICE_TYPES = Type.Array(Type.Enum(['voice', 'data', 'messaging', 'pushToTalk', 'LALS', 'RCS']));
const DELIVERY_TYPE = Type.Enum(['X2Only', 'X3Only', 'X2andX3']);

const POLICIES = { trafficPolicies: Type.Optional(TEXTS), iriPolicies: Type.Optional(TEXTS) };

const LOCATION_OCCASION = strict({
  beginningAndEnd: Type.Optional(Type.Boolean()),
  uponChange: Type.Optional(Type.Boolean()),
  lals: Type.Optional(Type.Boolean()),
});

const SERVICE_SCOPING = strict({
  serviceTypes: Type.Optional(SERVICE_TYPES),
  location: Type.Optional(Type.Union([Type.Literal('doNotReport'), Type.Array(LOCATION_OCCASION)])),
  suspendOnOutboundInternationalRoaming: Type.Optional(Type.Boolean()),
  reportPostDialledDigits: Type.Optional(Type.Boolean()),
});

const MEDIATION = strict({
  liid: Type.String(),
  deliveryType: Type.Enum(['HI2Only', 'HI3Only', 'HI2andHI3']),
  startTime: Type.Optional(Type.Number()),
  endTime: Type.Optional(Type.Number()),
  dids: TEXTS,
  destinationSets: Type.Optional(TEXTS),
  extensions: Type.Optional(EXTENSIONS),
  scoping: Type.Optional(Type.Array(SERVICE_SCOPING)),
  ...POLICIES,
});

const TASK = strict(
  {
    xid: Type.String(),
    targets: Type.Array(strict({ name: Type.String(), value: Type.String() })),
    deliveryType: DELIVERY_TYPE,
    dids: TEXTS,
    destinationSets: Type.Optional(TEXTS),
    mediation: Type.Array(MEDIATION),
    correlationId: Type.Optional(Type.String()),
    implicitDeactivationAllowed: Type.Optional(Type.Boolean()),
    productId: Type.Optional(Type.String()),
    serviceTypes: Type.Optional(SERVICE_TYPES),
    extensions: Type.Optional(EXTENSIONS),
    ...POLICIES,
  },
  DEFINITIONS,
);

const ADDRESS = Type.Union([
  strict({
    kind: Type.Literal('ipAddressAndPort'),
    address: Type.String(),
    port: Type.Integer({ minimum: 0, maximum: 65_535 }),
    transport: Type.Enum(['tcp', 'udp']),
  }),
  strict({ kind: Type.Enum(['uri', 'e164Number', 'emailAddress']), value: Type.String() }),
]);

const DESTINATION = strict(
  {
    did: Type.String(),
    friendlyName: Type.Optional(Type.String()),
    deliveryType: DELIVERY_TYPE,
    address: ADDRESS,
    extensions: Type.Optional(EXTENSIONS),
  },
  DEFINITIONS,
);

export const taskColumn: StoredColumn<InterceptTask, string> = jsonColumn(TASK);

export const destinationColumn: StoredColumn<Destination, string> = jsonColumn(DESTINATION);
