/** The settings that every element with a point of interception has, besides its own. */
import Type from 'typebox';
import type { TObject } from 'typebox';
import { strict } from '../bytes/schema.ts';
import { HOSTS, milliseconds, text, TLS_FILES } from '../host/config.ts';
import type { ConfigOf } from '../host/config.ts';
import { X1_NE_CONFIG } from '../x1/config.ts';

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

export const POI_SETTINGS = {
  tls: TLS_FILES,
  hosts: HOSTS,
  x1: X1_NE_CONFIG,
  audit: text('file of the audit log'),
  delivery: DELIVERY,
};

export type PoiElementConfig = ConfigOf<TObject<typeof POI_SETTINGS>>;
