/**
 * SAKKE Encapsulated Data (RFC 6509 section 4.2): carried and named here, not opened.
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Next payload  ! SAKKE params  !   ID scheme   !  SAKKE data   ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ~    length     !                  SAKKE data                   ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { PAYLOAD_TYPE } from '../registry.ts';
import { countedOctets, number, payload } from './fields.ts';

export const sakke = payload(PAYLOAD_TYPE.SAKKE, 'sakke', {
  params: number(1, 'SAKKE params'),
  idScheme: number(1, 'SAKKE ID scheme'),
  data: countedOctets(2, 'SAKKE data length', 'SAKKE data'),
});
