/** What the officers' interface answers, as JSON has it: times are texts (`wire/officers`). */
import type { StaticEncode } from 'typebox';
import type { SYSTEM_EVENT } from '../../wire/officers/events.ts';
import type {
  ALARM_LIST,
  DIFFERENCE_LIST,
  ELEMENT_LIST,
  SELF,
  WATCH_LIST,
} from '../../wire/officers/system.ts';
import type { WARRANT_CHANGES } from '../../wire/officers/terms.ts';
import type { WARRANT_FILE, WARRANT_PAGE, WARRANT_VIEW } from '../../wire/officers/warrants.ts';

export type SelfJson = StaticEncode<typeof SELF>;
export type WarrantJson = StaticEncode<typeof WARRANT_VIEW>;
export type WarrantFileJson = StaticEncode<typeof WARRANT_FILE>;
export type WarrantPageJson = StaticEncode<typeof WARRANT_PAGE>;
export type ChangesJson = StaticEncode<typeof WARRANT_CHANGES>;
export type SystemJson = StaticEncode<typeof SYSTEM_EVENT>;
export type ElementJson = StaticEncode<typeof ELEMENT_LIST>['elements'][number];
export type DifferenceJson = StaticEncode<typeof DIFFERENCE_LIST>['differences'][number];
export type AlarmsJson = StaticEncode<typeof ALARM_LIST>;
export type WatchListJson = StaticEncode<typeof WATCH_LIST>;

export type EventJson = WarrantFileJson['history'][number];
export type OpenActJson = WarrantFileJson['acts'][number];
export type ActName = OpenActJson['act'];
export type StateName = WarrantJson['state'];
export type RoleName = SelfJson['roles'][number];
