/** The JSON that is kept of what was told of a warrant. */
import Type from 'typebox';
import type { WarrantNotice } from '../ports.ts';
import { strict } from '../../../bytes/schema.ts';
import { jsonColumn } from '../../../storage/stored-tables.ts';
import type { StoredColumn } from '../../../storage/stored-tables.ts';

const NOTICE = strict({
  liid: Type.String(),
  next: Type.Integer({ minimum: 0 }),
  told: Type.Union([
    strict({
      tasks: Type.Array(Type.String()),
      terms: Type.String(),
      targets: Type.String(),
      dids: Type.Array(Type.String()),
    }),
    Type.Null(),
  ]),
  endedAt: Type.Union([Type.Number(), Type.Null()]),
  xids: Type.Array(Type.String()),
});

export const noticeColumn: StoredColumn<Omit<WarrantNotice, 'epoch'>, string> = jsonColumn(NOTICE);
