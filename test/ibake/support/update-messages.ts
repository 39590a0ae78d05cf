/** Messages of updates of the vectors' CSB, as an onlooker sees them: nobody could open them. */
import { fromBase64 } from '../../../src/bytes/octets.ts';
import { decodeMessage, encodeMessage, onlyPayload, payloadsOf } from '../../../src/mikey/message.ts';
import { DATA_TYPE } from '../../../src/mikey/registry.ts';
import { vector } from '../../entities/df/support.ts';

const { R_MESSAGE_1 } = vector().messages;

/** An update `seconds` after the initial exchange, with new points or without. */
export function updateMessages(seconds: number, { keyed = true, csb = 0, shift = 0 } = {}) {
  const [first, second] = [DATA_TYPE.I_MESSAGE_1, DATA_TYPE.R_MESSAGE_1].map((dataType, nth) => {
    const { header, payloads } = decodeMessage(fromBase64(R_MESSAGE_1.message));
    const t = onlyPayload({ payloads }, 't')!;
    const value = t.value.slice();
    const view = new DataView(value.buffer);
    view.setUint32(0, view.getUint32(0) + seconds + nth * shift);
    return encodeMessage({
      header: { ...header, dataType, csbId: header.csbId + csb },
      payloads: [
        { ...t, value },
        ...payloadsOf({ payloads }, 'idr'),
        ...(keyed ? payloadsOf({ payloads }, 'ibake') : []),
        { kind: 'v', authAlg: 2, data: new Uint8Array(32) },
      ],
    });
  });
  return {
    name: `${seconds}${keyed ? '' : ' adds'}${csb === 0 ? '' : ' other'}`,
    offer: [first!],
    answer: [second!],
  };
}
