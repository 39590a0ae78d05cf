/** Every payload that is known here. */
import { chash } from './chash.ts';
import { dh } from './dh.ts';
import { eccpt } from './eccpt.ts';
import { err } from './err.ts';
import { ext } from './ext.ts';
import { esk, ibake } from './ibake.ts';
import { cert, id } from './id.ts';
import { idr } from './idr.ts';
import { kemac } from './kemac.ts';
import { keyData } from './key-data.ts';
import { pke } from './pke.ts';
import { rand, randr } from './rand.ts';
import { sakke } from './sakke.ts';
import { sign } from './sign.ts';
import { sk } from './sk.ts';
import { sp } from './sp.ts';
import { t, tr } from './t.ts';
import { ticket, tp } from './ticket.ts';
import { v } from './v.ts';

export const PAYLOADS = [
  kemac,
  pke,
  dh,
  sign,
  t,
  id,
  cert,
  chash,
  v,
  sp,
  rand,
  err,
  tr,
  idr,
  randr,
  tp,
  ticket,
  keyData,
  ext,
  ibake,
  esk,
  sk,
  eccpt,
  sakke,
] as const;
