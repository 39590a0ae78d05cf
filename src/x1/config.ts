/** The settings of X1 at a network element. */
import Type from 'typebox';
import { strict } from '../bytes/schema.ts';
import { flag, httpsListener, milliseconds, text } from '../host/config.ts';
import type { ConfigOf } from '../host/config.ts';
import { filePath } from '../host/config-paths.ts';

export const ADMF_SETTINGS = strict({
  identifier: text('the one ADMF that may provision'),
  url: text('where reports go, ending in `/X1/ADMF`'),
});

export const SCHEMA_SETTING = Type.Optional(
  filePath("the operator's copy of the X1 schema; documents are then judged by it, too"),
);

export const KEEPALIVE_SETTINGS = strict({
  timeoutMs: milliseconds(
    'time without an X1 keepalive after which a fault is raised; without `keepalive` none are agreed',
    { min: 1 },
  ),
  failClosed: flag('whether all tasks and destinations are then removed'),
});

export const X1_NE_CONFIG = strict(
  {
    identifier: text("the element's identifier; its certificate bears it"),
    listen: httpsListener('where the ADMF provisions the element'),
    admf: ADMF_SETTINGS,
    store: filePath('SQLite file with tasks and destinations'),
    schema: SCHEMA_SETTING,
    keepalive: Type.Optional(KEEPALIVE_SETTINGS),
    deactivateAllTasks: flag('whether DeactivateAllTasks is carried out', { default: false }),
    removeAllDestinations: flag('whether RemoveAllDestinations is carried out', { default: false }),
  },
  { title: 'x1' },
);

export type X1NeConfig = ConfigOf<typeof X1_NE_CONFIG>;
