/** The settings that every element with a point of interception has, besides its own. */
import Type from 'typebox';
import type { TObject } from 'typebox';
import { strict } from '../bytes/schema.ts';
import { count, HOSTS, milliseconds, OPERATION_SETTINGS, TLS_FILES } from '../host/config.ts';
import type { ConfigOf } from '../host/config.ts';
import { filePath } from '../host/config-paths.ts';
import { X1_NE_CONFIG } from '../x1/config.ts';
import { QUEUE_LIMITS } from './queue.ts';

const time = (absent: string, description: string) =>
  Type.Optional({ ...milliseconds(description, { min: 1 }), absent });

const DELIVERY = strict(
  {
    busyKeepaliveMs: time('1000', 'between keepalives while PDUs wait for acknowledgement'),
    idleKeepaliveMs: time('60000', 'between keepalives otherwise'),
    acknowledgementMs: time('180000', 'without an acknowledgement after which the connection is closed'),
    firstPauseMs: time('200', 'before the first attempt to connect again, doubled each time'),
    longestPauseMs: time('5000', 'between attempts at most'),
  },
  { title: 'delivery', default: {} },
);

/** Room for one PDU of the largest size, whatever the setting. */
const octets = (of: string, absent: number) =>
  count(`octets of ${of} that wait for a destination at most`, { min: 2 << 20, default: absent });
const pdus = (of: string, absent: number) =>
  count(`${of} that wait for a destination at most`, { min: 1, default: absent });

const QUEUE = strict(
  {
    x2: octets('X2 PDUs', QUEUE_LIMITS.x2),
    x3: octets('X3 PDUs', QUEUE_LIMITS.x3),
    x2Pdus: pdus('X2 PDUs', QUEUE_LIMITS.x2Pdus),
    x3Pdus: pdus('X3 PDUs', QUEUE_LIMITS.x3Pdus),
  },
  { title: 'queue', default: {} },
);

export const POI_SETTINGS = {
  tls: TLS_FILES,
  hosts: HOSTS,
  x1: X1_NE_CONFIG,
  audit: filePath('file of the audit log'),
  delivery: DELIVERY,
  queue: QUEUE,
  ...OPERATION_SETTINGS,
};

export type PoiElementConfig = ConfigOf<TObject<typeof POI_SETTINGS>>;
