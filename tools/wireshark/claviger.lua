-- MIKEY-IBAKE (RFC 6267) for Wireshark: the messages of data types 19 to 25, in SDP (a=key-mgmt:mikey, RFC 4567), in
-- HTTP (application/mikey) and on UDP port 2269; the containers in IBAKE and ESK as far as they are in the clear; and
-- X2 and X3 (TS 103 221-2), whose SIP and RTP go to Wireshark's own dissectors, so that what they carry is seen as well.
--
-- To use it: copy it into the folder of personal Lua plugins (Help, About, Folders), or
--     tshark -X lua_script:tools/wireshark/claviger.lua -r FILE
--
-- Filters: mikey_ibake.type == 22, mikey_ibake.csb_id, mikey_ibake.idr.data contains "alice",
-- mikey_ibake.cms.recipient, mikey_ibake.malformed; x2x3.xid, x2x3.type, x2x3.direction.
--
-- Whatever an octet says of lengths: nothing is read beyond the message, and what cannot be read is marked as such.

local DATA_TYPE = {
  [0] = 'PRE_SHARED', [1] = 'PSK_VER_MSG', [2] = 'PUBLIC_KEY', [3] = 'PK_VER_MSG', [4] = 'DH_INIT', [5] = 'DH_RESP',
  [6] = 'ERROR', [11] = 'REQUEST_INIT_PSK', [12] = 'REQUEST_INIT_PK', [13] = 'REQUEST_RESP', [14] = 'TRANSFER_INIT',
  [15] = 'TRANSFER_RESP', [16] = 'RESOLVE_INIT_PSK', [17] = 'RESOLVE_INIT_PK', [18] = 'RESOLVE_RESP',
  [19] = 'REQUEST_KEY_PSK', [20] = 'REQUEST_KEY_PKE', [21] = 'REQUEST_KEY_RESP', [22] = 'I_MESSAGE_1',
  [23] = 'R_MESSAGE_1', [24] = 'I_MESSAGE_2', [25] = 'R_MESSAGE_2', [26] = 'SAKKE',
}
local PAYLOAD = {
  [0] = 'Last payload', [1] = 'KEMAC', [2] = 'PKE', [3] = 'DH', [4] = 'SIGN', [5] = 'T', [6] = 'ID', [7] = 'CERT',
  [8] = 'CHASH', [9] = 'V', [10] = 'SP', [11] = 'RAND', [12] = 'ERR', [13] = 'TR', [14] = 'IDR', [15] = 'RANDR',
  [16] = 'TP', [17] = 'TICKET', [20] = 'KEY_DATA', [21] = 'EXT', [22] = 'IBAKE', [23] = 'ESK', [24] = 'SK',
  [25] = 'ECCPT', [26] = 'SAKKE',
}
local PRF = { [0] = 'MIKEY-1', [1] = 'PRF-HMAC-SHA-256' }
local MAP_TYPE = { [0] = 'SRTP-ID', [1] = 'Empty map', [2] = 'GENERIC-ID' }
local TS_TYPE = { [0] = 'NTP-UTC', [1] = 'NTP', [2] = 'COUNTER', [3] = 'NTP-UTC-32' }
local TS_OCTETS = { [0] = 8, [1] = 8, [2] = 4, [3] = 4 }
local TS_ROLE = { [1] = 'TRi', [2] = 'TRs', [3] = 'TRe', [4] = 'TRr' }
local ID_TYPE = { [0] = 'NAI', [1] = 'URI', [2] = 'Byte string' }
local ID_ROLE = { [1] = 'IDRi', [2] = 'IDRr', [3] = 'IDRkms', [4] = 'IDRpsk', [5] = 'IDRapp' }
local MAC = { [0] = 'NULL', [1] = 'HMAC-SHA-1-160', [2] = 'HMAC-SHA-256-256' }
local MAC_OCTETS = { [0] = 0, [1] = 20, [2] = 32 }
local HASH = { [0] = 'SHA-1', [1] = 'MD5', [2] = 'SHA-256' }
local HASH_OCTETS = { [0] = 20, [1] = 16, [2] = 32 }
local ENCR = { [0] = 'NULL', [1] = 'AES-CM-128', [2] = 'AES-KW-128', [3] = 'AES-CM-256' }
local SIGN = { [0] = 'RSA/PKCS#1/1.5', [1] = 'RSA/PSS', [2] = 'ECCSI' }
local EXT = { [0] = 'Vendor ID', [1] = 'SDP IDs', [3] = 'Key ID' }
local ERR = {
  [0] = 'Auth failure', [1] = 'Invalid TS', [2] = 'Invalid PRF', [3] = 'Invalid MAC', [4] = 'Invalid EA',
  [5] = 'Invalid HA', [6] = 'Invalid DH', [7] = 'Invalid ID', [8] = 'Invalid Cert', [9] = 'Invalid SP',
  [10] = 'Invalid SPpar', [11] = 'Invalid DT', [12] = 'Unspecified error', [14] = 'Invalid TICKET', [15] = 'Invalid TPpar',
}
local SRTP_PARAM = {
  [0] = 'Encryption algorithm', [1] = 'Session Encr. key length', [2] = 'Authentication algorithm',
  [3] = 'Session Auth. key length', [4] = 'Session Salt key length', [5] = 'SRTP Pseudo Random Function',
  [6] = 'Key derivation rate', [7] = 'SRTP encryption off/on', [8] = 'SRTCP encryption off/on',
  [9] = "sender's FEC order", [10] = 'SRTP authentication off/on', [11] = 'Authentication tag length',
  [12] = 'SRTP prefix length', [20] = 'AEAD authentication tag length',
}
local CURVE = {
  [1] = 'secp192r1', [2] = 'sect163r2', [3] = 'sect163k1', [4] = 'sect163r1', [5] = 'secp224r1', [6] = 'sect233r1',
  [7] = 'sect233k1', [8] = 'secp256r1', [9] = 'sect283r1', [10] = 'sect283k1', [11] = 'secp384r1', [12] = 'sect409r1',
  [13] = 'sect409k1', [14] = 'secp521r1', [15] = 'sect571r1', [16] = 'sect571k1',
}
local FIELD_OCTETS = {
  [1] = 24, [2] = 21, [3] = 21, [4] = 21, [5] = 28, [6] = 30, [7] = 30, [8] = 32, [9] = 36, [10] = 36, [11] = 48,
  [12] = 52, [13] = 52, [14] = 66, [15] = 72, [16] = 72,
}

local mikey = Proto('mikey_ibake', 'MIKEY-IBAKE')
local f = {
  version = ProtoField.uint8('mikey_ibake.version', 'Version'),
  type = ProtoField.uint8('mikey_ibake.type', 'Data type', base.DEC, DATA_TYPE),
  next = ProtoField.uint8('mikey_ibake.next_payload', 'Next payload', base.DEC, PAYLOAD),
  v = ProtoField.bool('mikey_ibake.v', 'Response expected', 8, nil, 0x80),
  prf = ProtoField.uint8('mikey_ibake.prf', 'PRF func', base.DEC, PRF, 0x7f),
  csb_id = ProtoField.uint32('mikey_ibake.csb_id', 'CSB ID', base.HEX),
  cs_count = ProtoField.uint8('mikey_ibake.cs_count', '#CS'),
  map_type = ProtoField.uint8('mikey_ibake.map_type', 'CS ID map type', base.DEC, MAP_TYPE),
  cs = ProtoField.uint8('mikey_ibake.cs.id', 'CS ID'),
  cs_policy = ProtoField.uint8('mikey_ibake.cs.policy', 'Policy no'),
  cs_ssrc = ProtoField.uint32('mikey_ibake.cs.ssrc', 'SSRC', base.HEX),
  cs_roc = ProtoField.uint32('mikey_ibake.cs.roc', 'ROC'),
  payload = ProtoField.uint8('mikey_ibake.payload', 'Payload', base.DEC, PAYLOAD),
  rest = ProtoField.bytes('mikey_ibake.rest', 'Octets'),
  ts_type = ProtoField.uint8('mikey_ibake.t.type', 'TS type', base.DEC, TS_TYPE),
  ts_role = ProtoField.uint8('mikey_ibake.t.role', 'TS role', base.DEC, TS_ROLE),
  ts_ntp = ProtoField.absolute_time('mikey_ibake.t.ntp', 'TS value', base.UTC),
  ts_octets = ProtoField.bytes('mikey_ibake.t.octets', 'TS value'),
  rand = ProtoField.bytes('mikey_ibake.rand', 'RAND'),
  rand_role = ProtoField.uint8('mikey_ibake.rand.role', 'RAND role'),
  id_role = ProtoField.uint8('mikey_ibake.idr.role', 'ID role', base.DEC, ID_ROLE),
  id_type = ProtoField.uint8('mikey_ibake.idr.type', 'ID type', base.DEC, ID_TYPE),
  id_data = ProtoField.string('mikey_ibake.idr.data', 'ID data'),
  sp_policy = ProtoField.uint8('mikey_ibake.sp.policy', 'Policy no'),
  sp_prot = ProtoField.uint8('mikey_ibake.sp.prot', 'Prot type'),
  sp_type = ProtoField.uint8('mikey_ibake.sp.param', 'Parameter', base.DEC, SRTP_PARAM),
  sp_value = ProtoField.bytes('mikey_ibake.sp.value', 'Value'),
  ext_type = ProtoField.uint8('mikey_ibake.ext.type', 'Type', base.DEC, EXT),
  ext_data = ProtoField.string('mikey_ibake.ext.data', 'Data'),
  mac_alg = ProtoField.uint8('mikey_ibake.mac_alg', 'Auth alg', base.DEC, MAC),
  mac = ProtoField.bytes('mikey_ibake.mac', 'MAC'),
  encr_alg = ProtoField.uint8('mikey_ibake.kemac.encr_alg', 'Encr alg', base.DEC, ENCR),
  encr_data = ProtoField.bytes('mikey_ibake.encr_data', 'Encr data'),
  error = ProtoField.uint8('mikey_ibake.err.no', 'Error no', base.DEC, ERR),
  hash = ProtoField.uint8('mikey_ibake.chash.func', 'Hash func', base.DEC, HASH),
  sign = ProtoField.uint8('mikey_ibake.sign.type', 'S type', base.DEC, SIGN),
  data = ProtoField.bytes('mikey_ibake.data', 'Data'),
  sk_type = ProtoField.uint8('mikey_ibake.sk.type', 'Type'),
  curve = ProtoField.uint8('mikey_ibake.eccpt.curve', 'ECC curve', base.DEC, CURVE),
  point = ProtoField.bytes('mikey_ibake.eccpt.point', 'ECC point'),
  spi = ProtoField.bytes('mikey_ibake.kv.spi', 'SPI'),
  cms = ProtoField.none('mikey_ibake.cms', 'Container (CMS AuthEnvelopedData)'),
  cms_recipient = ProtoField.string('mikey_ibake.cms.recipient', 'Recipient'),
  cms_period = ProtoField.string('mikey_ibake.cms.period', 'Start of the key period'),
  cms_district = ProtoField.string('mikey_ibake.cms.district', 'District'),
  cms_serial = ProtoField.uint32('mikey_ibake.cms.serial', 'Serial of its parameters'),
  cms_key = ProtoField.bytes('mikey_ibake.cms.key', 'Encrypted key (BFCiphertextBlock)'),
  cms_cipher = ProtoField.string('mikey_ibake.cms.cipher', 'Content encryption'),
  cms_nonce = ProtoField.bytes('mikey_ibake.cms.nonce', 'Nonce'),
  cms_content = ProtoField.bytes('mikey_ibake.cms.content', 'Encrypted content'),
  cms_prefix = ProtoField.bytes('mikey_ibake.cms.prefix', 'Bound to the prefix (SHA-256)'),
  cms_esk = ProtoField.bytes('mikey_ibake.cms.esk', 'Bound to the ESK (SHA-256)'),
  cms_transcript = ProtoField.bytes('mikey_ibake.cms.transcript', 'Bound to the transcript (SHA-256)'),
  cms_mac = ProtoField.bytes('mikey_ibake.cms.mac', 'Authentication tag'),
}
mikey.fields = f
local malformed = ProtoExpert.new('mikey_ibake.malformed', 'Cannot be read', expert.group.MALFORMED, expert.severity.ERROR)
local foreign = ProtoExpert.new('mikey_ibake.foreign', 'Not a container of the profile', expert.group.UNDECODED, expert.severity.NOTE)
mikey.experts = { malformed, foreign }

-- A cursor: reads from a range of a buffer and never beyond it.
local Cursor = {}
Cursor.__index = Cursor
local function cursor(tvb, from, to) return setmetatable({ tvb = tvb, at = from, to = to }, Cursor) end
function Cursor:take(count, what)
  if count < 0 or self.at + count > self.to then
    error(string.format('%s: %d octets expected at %d, %d are there', what, count, self.at, self.to - self.at), 0)
  end
  self.at = self.at + count
  return count > 0 and self.tvb(self.at - count, count) or nil
end
function Cursor:left() return self.to - self.at end
-- Adds a field of so many octets, and gives their range.
function Cursor:add(tree, field, count, what)
  local range = self:take(count, what)
  if range then tree:add(field, range) end
  return range
end
function Cursor:number(tree, field, count, what) return self:add(tree, field, count, what):uint() end

-- DER: tag and length in one octet or more; contents as a cursor. `expected`: the tag octet.
function Cursor:der(expected, what)
  local tag = self:take(1, what):uint()
  if expected and tag ~= expected then error(string.format('%s: tag 0x%02x', what, tag), 0) end
  local length = self:take(1, what):uint()
  if length >= 0x80 then
    local octets = length - 0x80
    if octets < 1 or octets > 4 then error(what .. ': length of ' .. octets .. ' octets', 0) end
    length = self:take(octets, what):uint()
  end
  local from = self.at
  self:take(length, what)
  return cursor(self.tvb, from, from + length), tag
end
function Cursor:rest()
  return self:left() > 0 and self.tvb(self.at, self:left()) or nil
end
function Cursor:hex() local range = self:rest() return range and range:bytes():tohex(true) or '' end
local function add_rest(tree, field, inside)
  local range = inside:rest()
  if range then tree:add(field, range) end
end

local OID = {
  auth_enveloped = '2a864886f70d0109100117', data = '2a864886f70d010701', content_type = '2a864886f70d010903',
  ibe_ori = '6086480186fd1e01040101',
}
local CIPHER = { ['608648016503040106'] = 'AES-128-GCM', ['6086480165030401' .. '2e'] = 'AES-256-GCM' }
local ARC = '6981f89f85d4cdd0f2a9f79a8e8febe8e9ad9860'
local BINDING = { [ARC .. '02'] = f.cms_prefix, [ARC .. '04'] = f.cms_esk, [ARC .. '05'] = f.cms_transcript }

local function oid(inside, expected, what)
  local value = inside:der(0x06, what):hex()
  if expected and value ~= expected then error(what .. ': another object identifier, ' .. value, 0) end
  return value
end

-- IBEIdentityInfo (RFC 5408 section 3), whose identity data are { URI, start of the period }.
local function recipient(tree, info)
  local identity = info:der(0x30, 'recipientIdentity')
  add_rest(tree, f.cms_district, identity:der(0x16, 'district'))
  local serial = identity:der(0x02, 'serial')
  if serial:left() > 4 then add_rest(tree, f.data, serial) else add_rest(tree, f.cms_serial, serial) end
  oid(identity, nil, 'identityType')
  local data = identity:der(0x04, 'identityData'):der(0x30, 'SipIdentityData')
  local uri = data:der(0x0c, 'uri'):rest()
  if uri then tree:add(f.cms_recipient, uri) end
  add_rest(tree, f.cms_period, data:der(0x18, 'time'))
  return uri and uri:string() or nil
end

-- The container as the profile fixes it (RFC 5083, 5084, 5409): everything in the clear, and how much is not.
local function container(tree, range, pinfo)
  local sub = tree:add(f.cms, range)
  local ok, who = pcall(function()
    local info = cursor(range:tvb(), 0, range:len()):der(0x30, 'ContentInfo')
    oid(info, OID.auth_enveloped, 'contentType')
    local envelope = info:der(0xa0, 'content'):der(0x30, 'AuthEnvelopedData')
    envelope:der(0x02, 'version')
    local ori = envelope:der(0x31, 'recipientInfos'):der(0xa4, 'ori')
    oid(ori, OID.ibe_ori, 'oriType')
    local ibe = ori:der(0x30, 'IBERecipientInfo')
    ibe:der(0x02, 'cmsVersion')
    oid(ibe, nil, 'keyFetchMethod')
    local to = recipient(sub, ibe)
    local key, tag = ibe:der(nil, 'encryptedKey')
    if tag == 0x30 then key = ibe:der(0x04, 'encryptedKey') end
    add_rest(sub, f.cms_key, key)
    local content = envelope:der(0x30, 'authEncryptedContentInfo')
    oid(content, OID.data, 'contentType')
    local algorithm = content:der(0x30, 'contentEncryptionAlgorithm')
    local cipher = oid(algorithm, nil, 'algorithm')
    sub:add(f.cms_cipher, CIPHER[cipher] or cipher)
    add_rest(sub, f.cms_nonce, algorithm:der(0x30, 'parameters'):der(0x04, 'nonce'))
    add_rest(sub, f.cms_content, content:der(0x80, 'encryptedContent'))
    local attributes = envelope:der(0xa1, 'authAttrs')
    while attributes:left() > 0 do
      local attribute = attributes:der(0x30, 'Attribute')
      local field = BINDING[oid(attribute, nil, 'attrType')]
      local values = attribute:der(0x31, 'attrValues')
      if field then add_rest(sub, field, values:der(0x04, 'attrValue')) end
    end
    add_rest(sub, f.cms_mac, envelope:der(0x04, 'mac'))
    return to
  end)
  if ok then
    if who then sub:append_text(', to ' .. who) end
  else
    sub:add_proto_expert_info(foreign, 'Not a container of the profile: ' .. tostring(who))
  end
end

-- KV data (RFC 3830 section 6.14).
local function validity(tree, at, kv)
  if kv == 1 then
    at:add(tree, f.spi, at:take(1, 'SPI Length'):uint(), 'SPI')
  elseif kv == 2 then
    for _, what in ipairs({ 'Valid From', 'Valid To' }) do at:add(tree, f.data, at:take(1, what):uint(), what) end
  elseif kv ~= 0 then
    error('KV type ' .. kv .. ' of unknown extent', 0)
  end
end
local function sized(tree, at, sizes, algorithm, field, what)
  local octets = sizes[algorithm]
  if octets == nil then error(what .. ': algorithm ' .. algorithm .. ' of unknown length', 0) end
  at:add(tree, field, octets, what)
end
local function counted(tree, at, field, what) return at:add(tree, field, at:take(2, what .. ' length'):uint(), what) end
local function timestamp(tree, at)
  local kind = at:number(tree, f.ts_type, 1, 'TS type')
  local octets = TS_OCTETS[kind]
  if octets == nil then error('TS type ' .. kind .. ' of unknown length', 0) end
  local range = at:take(octets, 'TS value')
  if octets == 8 then tree:add_packet_field(f.ts_ntp, range, ENC_TIME_NTP + ENC_BIG_ENDIAN) else tree:add(f.ts_octets, range) end
end
local function encrypted(tree, at, pinfo)
  local range = counted(tree, at, f.encr_data, 'Encr data')
  if range then container(tree, range, pinfo) end
end

-- What stands behind the next-payload octet, by payload type.
local READ = {
  [1] = function(tree, at)
    at:number(tree, f.encr_alg, 1, 'Encr alg')
    counted(tree, at, f.encr_data, 'Encr data')
    sized(tree, at, MAC_OCTETS, at:number(tree, f.mac_alg, 1, 'Mac alg'), f.mac, 'MAC')
  end,
  [2] = function(tree, at) at:add(tree, f.data, at:take(2, 'PKE'):uint() % 0x4000, 'Data') end,
  [5] = timestamp,
  [6] = function(tree, at)
    at:number(tree, f.id_type, 1, 'ID type')
    counted(tree, at, f.id_data, 'ID data')
  end,
  [7] = function(tree, at)
    at:take(1, 'Cert type')
    counted(tree, at, f.data, 'Certificate')
  end,
  [8] = function(tree, at) sized(tree, at, HASH_OCTETS, at:number(tree, f.hash, 1, 'Hash func'), f.data, 'Hash') end,
  [9] = function(tree, at) sized(tree, at, MAC_OCTETS, at:number(tree, f.mac_alg, 1, 'Auth alg'), f.mac, 'Ver data') end,
  [10] = function(tree, at)
    at:number(tree, f.sp_policy, 1, 'Policy no')
    at:number(tree, f.sp_prot, 1, 'Prot type')
    local length = at:take(2, 'Policy param length'):uint()
    local from = at.at
    at:take(length, 'Policy param')
    local params = cursor(at.tvb, from, from + length)
    while params:left() > 0 do
      local param = tree:add(f.sp_type, params:take(1, 'Type'))
      params:add(param, f.sp_value, params:take(1, 'Length'):uint(), 'Value')
    end
  end,
  [11] = function(tree, at) at:add(tree, f.rand, at:take(1, 'RAND len'):uint(), 'RAND') end,
  [12] = function(tree, at)
    at:number(tree, f.error, 1, 'Error no')
    at:take(2, 'Reserved')
  end,
  [13] = function(tree, at)
    at:number(tree, f.ts_role, 1, 'TS role')
    timestamp(tree, at)
  end,
  [14] = function(tree, at)
    local role = at:number(tree, f.id_role, 1, 'ID role')
    at:number(tree, f.id_type, 1, 'ID type')
    local data = counted(tree, at, f.id_data, 'ID data')
    tree:append_text(string.format(', %s%s', ID_ROLE[role] or role, data and ': ' .. data:string() or ''))
  end,
  [15] = function(tree, at)
    at:number(tree, f.rand_role, 1, 'RAND role')
    at:add(tree, f.rand, at:take(1, 'RAND len'):uint(), 'RAND')
  end,
  [21] = function(tree, at)
    at:number(tree, f.ext_type, 1, 'Type')
    counted(tree, at, f.ext_data, 'Data')
  end,
  [22] = encrypted,
  [23] = encrypted,
  [24] = function(tree, at)
    local lead = at:take(1, 'Type'):uint()
    tree:add(f.sk_type, math.floor(lead / 16))
    counted(tree, at, f.data, 'Key data')
    validity(tree, at, lead % 16)
  end,
}
-- ECCPT ends on a 32-bit boundary from the sub-payload's start (RFC 6267 section 6.1.4).
READ[25] = function(tree, at, _, start)
  local curve = at:number(tree, f.curve, 1, 'ECC curve')
  local octets = FIELD_OCTETS[curve]
  if octets == nil then error('ECC curve ' .. curve .. ' of unknown length', 0) end
  at:add(tree, f.point, 2 * octets + 1, 'ECC point')
  at:take((start - at.at) % 4, 'padding')
end

local function header(tree, at)
  at:number(tree, f.version, 1, 'Version')
  local kind = at:number(tree, f.type, 1, 'Data type')
  local next_type = at:number(tree, f.next, 1, 'Next payload')
  local flags = at:take(1, 'V and PRF func')
  tree:add(f.v, flags)
  tree:add(f.prf, flags)
  local csb_id = at:number(tree, f.csb_id, 4, 'CSB ID')
  local sessions = at:number(tree, f.cs_count, 1, '#CS')
  local map = at:number(tree, f.map_type, 1, 'CS ID map type')
  if map == 0 then
    for id = 1, sessions do
      local entry = tree:add(f.cs, at.tvb(at.at, 0), id)
      at:number(entry, f.cs_policy, 1, 'Policy no')
      at:number(entry, f.cs_ssrc, 4, 'SSRC')
      at:number(entry, f.cs_roc, 4, 'ROC')
    end
  elseif map ~= 1 and sessions > 0 then
    error('CS ID map type ' .. map .. ' is not read here', 0)
  end
  return kind, next_type, csb_id
end

local function payloads(tree, at, next_type, pinfo)
  while next_type ~= 0 do
    local start, name = at.at, PAYLOAD[next_type] or 'payload ' .. next_type
    local read = READ[next_type]
    local sub = tree:add(f.payload, at.tvb(start, at:left()), next_type)
    if next_type == 4 then
      -- SIGN is the last, and has no next payload.
      local lead = at:take(2, 'S type and length'):uint()
      sub:add(f.sign, math.floor(lead / 4096))
      at:add(sub, f.mac, lead % 4096, 'Signature')
      next_type = 0
    elseif read == nil then
      at:number(sub, f.next, 1, 'Next payload')
      add_rest(sub, f.rest, at)
      error(name .. ' is not read here: its extent is unknown', 0)
    else
      next_type = at:number(sub, f.next, 1, 'Next payload')
      read(sub, at, pinfo, start)
    end
    sub:set_len(at.at - start)
  end
  if at:left() > 0 then error(at:left() .. ' octets after the last payload', 0) end
end

local original = Dissector.get('mikey')

function mikey.dissector(tvb, pinfo, tree)
  local octets = tvb:len()
  if octets < 2 then return 0 end
  local kind = tvb(1, 1):uint()
  -- Other methods are Wireshark's own; of errors only those in answer to these, which it reads as well.
  if tvb(0, 1):uint() ~= 1 or kind < 19 or kind > 25 then return original:call(tvb, pinfo, tree) end
  local name = DATA_TYPE[kind]
  local top = tree:add(mikey, tvb(), string.format('MIKEY-IBAKE: %s, %d octets', name, octets))
  local ok, why = pcall(function()
    local at = cursor(tvb, 0, octets)
    local _, next_type, csb_id = header(top, at)
    top:append_text(string.format(', CSB 0x%08x', csb_id))
    payloads(top, at, next_type, pinfo)
  end)
  if not ok then top:add_proto_expert_info(malformed, tostring(why)) end
  -- SDP may hand a message over more than once.
  local info, told = tostring(pinfo.cols.info), name .. (ok and '' or ' [malformed]')
  if not info:find(told, 1, true) then pinfo.cols.info:append((info:find('| $') and '' or ', ') .. told) end
  return octets
end

DissectorTable.get('key_mgmt'):add('mikey', mikey)
DissectorTable.get('media_type'):add('application/mikey', mikey)
DissectorTable.get('udp.port'):add(2269, mikey)

-- X2 and X3 (TS 103 221-2 clause 5). ---------------------------------------------------------------------------------

local PDU_TYPE = { [1] = 'X2', [2] = 'X3', [3] = 'Keepalive', [4] = 'Keepalive Ack' }
local DIRECTION = { [0] = 'keepalive', [1] = 'unknown', [2] = 'to target', [3] = 'from target', [4] = 'several', [5] = 'not applicable' }
local FORMAT = {
  [0] = 'keepalive', [1] = 'TS 102 232-1', [2] = 'TS 33.128', [3] = 'TS 33.108', [4] = 'proprietary', [5] = 'IPv4',
  [6] = 'IPv6', [7] = 'Ethernet', [8] = 'RTP', [9] = 'SIP', [10] = 'DHCP', [11] = 'RADIUS', [12] = 'GTP-U', [13] = 'MSRP',
  [14] = 'EpsIRIContent', [15] = 'MIME', [16] = 'unstructured',
}
local ATTRIBUTE = {
  [1] = 'TS 102 232-1', [2] = 'TS 33.128', [3] = 'TS 33.108', [4] = 'proprietary', [5] = 'DID', [6] = 'NFID', [7] = 'IPID',
  [8] = 'sequence number', [9] = 'timestamp', [10] = 'source IPv4 address', [11] = 'destination IPv4 address',
  [12] = 'source IPv6 address', [13] = 'destination IPv6 address', [14] = 'source port', [15] = 'destination port',
  [16] = 'IP protocol', [17] = 'matched target identifier', [18] = 'other target identifier', [19] = 'MIME content type',
  [20] = 'MIME content transfer encoding', [21] = 'additional XID information', [22] = 'SDP session description',
}

local x = Proto('x2x3', 'X2/X3 (TS 103 221-2)')
local g = {
  version = ProtoField.uint16('x2x3.version', 'Version', base.HEX),
  type = ProtoField.uint16('x2x3.type', 'PDU type', base.DEC, PDU_TYPE),
  header_length = ProtoField.uint32('x2x3.header_length', 'Header length'),
  payload_length = ProtoField.uint32('x2x3.payload_length', 'Payload length'),
  format = ProtoField.uint16('x2x3.format', 'Payload format', base.DEC, FORMAT),
  direction = ProtoField.uint16('x2x3.direction', 'Payload direction', base.DEC, DIRECTION),
  xid = ProtoField.guid('x2x3.xid', 'XID'),
  correlation = ProtoField.bytes('x2x3.correlation', 'Correlation ID'),
  attribute = ProtoField.uint16('x2x3.attribute', 'Attribute', base.DEC, ATTRIBUTE),
  text = ProtoField.string('x2x3.attribute.text', 'Value'),
  number = ProtoField.uint32('x2x3.attribute.number', 'Value'),
  time = ProtoField.absolute_time('x2x3.attribute.time', 'Value', base.UTC),
  ipv4 = ProtoField.ipv4('x2x3.attribute.ipv4', 'Value'),
  ipv6 = ProtoField.ipv6('x2x3.attribute.ipv6', 'Value'),
  octets = ProtoField.bytes('x2x3.attribute.octets', 'Value'),
  target = ProtoField.string('x2x3.target', 'Matched target identifier'),
  payload = ProtoField.bytes('x2x3.payload', 'Payload'),
}
x.fields = g
local x_malformed = ProtoExpert.new('x2x3.malformed', 'Cannot be read', expert.group.MALFORMED, expert.severity.ERROR)
x.experts = { x_malformed }

local TEXTS = { [5] = g.text, [6] = g.text, [7] = g.text, [17] = g.target, [18] = g.text, [19] = g.text, [20] = g.text, [22] = g.text }
local NUMBERS = { [8] = 4, [14] = 2, [15] = 2, [16] = 1 }
local FIXED, MOST_HEADER, MOST_PAYLOAD = 40, 65536, 1048576

local function attributes(tree, at)
  while at:left() > 0 do
    local kind = at:take(2, 'attribute type')
    local length = at:take(2, 'attribute length'):uint()
    local number = kind:uint()
    local sub = tree:add(g.attribute, kind)
    local range = at:take(length, ATTRIBUTE[number] or 'attribute')
    if range then
      if TEXTS[number] then sub:add(TEXTS[number], range)
      elseif NUMBERS[number] == length then sub:add(g.number, range)
      elseif number == 9 and length == 8 then sub:add_packet_field(g.time, range, ENC_TIME_SECS_NSECS + ENC_BIG_ENDIAN)
      elseif (number == 10 or number == 11) and length == 4 then sub:add(g.ipv4, range)
      elseif (number == 12 or number == 13) and length == 16 then sub:add(g.ipv6, range)
      else sub:add(g.octets, range) end
    end
  end
end

local PASSED_ON = { [5] = 'ip', [6] = 'ipv6', [8] = 'rtp', [9] = 'sip' }

local function x_pdu(tvb, pinfo, tree)
  local octets = tvb:len()
  local top = tree:add(x, tvb())
  local about = 'PDU'
  local ok, why = pcall(function()
    local at = cursor(tvb, 0, octets)
    at:number(top, g.version, 2, 'version')
    local kind = at:number(top, g.type, 2, 'PDU type')
    local header_length = at:number(top, g.header_length, 4, 'header length')
    local payload_length = at:number(top, g.payload_length, 4, 'payload length')
    local format = at:number(top, g.format, 2, 'payload format')
    local direction = at:number(top, g.direction, 2, 'payload direction')
    at:add(top, g.xid, 16, 'XID')
    at:add(top, g.correlation, 8, 'correlation ID')
    about = PDU_TYPE[kind] or 'PDU of type ' .. kind
    if kind == 1 or kind == 2 then about = ('%s %s, %s'):format(about, DIRECTION[direction] or direction, FORMAT[format] or format) end
    if header_length < FIXED then error('header length ' .. header_length, 0) end
    local from = at.at
    at:take(header_length - FIXED, 'attributes')
    attributes(top, cursor(tvb, from, at.at))
    local payload = at:take(payload_length, 'payload')
    if payload then
      top:add(g.payload, payload)
      if PASSED_ON[format] then Dissector.get(PASSED_ON[format]):call(payload:tvb(), pinfo, tree) end
    end
  end)
  top:append_text(': ' .. about)
  if not ok then top:add_proto_expert_info(x_malformed, tostring(why)) end
  return about
end

local function bad_lengths(tvb)
  local header_length, payload_length = tvb(4, 4):uint(), tvb(8, 4):uint()
  return header_length < FIXED or header_length > MOST_HEADER or payload_length > MOST_PAYLOAD
end

-- The PDUs of a segment; one that is not complete waits for the next.
local function segment(tvb, pinfo, tree, can_wait)
  local at, octets, seen = 0, tvb:len(), {}
  pinfo.cols.protocol = 'X2/X3'
  pinfo.cols.info = ''
  while at < octets do
    local length = 12
    if octets - at >= 12 then
      if bad_lengths(tvb(at):tvb()) then
        tree:add(x, tvb(at)):add_proto_expert_info(x_malformed, 'lengths that no PDU has')
        break
      end
      length = tvb(at + 4, 4):uint() + tvb(at + 8, 4):uint()
    end
    if at + length > octets and can_wait then
      pinfo.desegment_offset = at
      pinfo.desegment_len = octets - at < 12 and DESEGMENT_ONE_MORE_SEGMENT or at + length - octets
      break
    end
    local taken = math.min(length, octets - at)
    seen[#seen + 1] = x_pdu(tvb(at, taken):tvb(), pinfo, tree)
    at = at + taken
  end
  if #seen > 0 then
    pinfo.cols.protocol = 'X2/X3'
    pinfo.cols.info:prepend(table.concat(seen, '; ') .. (tostring(pinfo.cols.info) == '' and '' or ' | '))
  end
  return octets
end

function x.dissector(tvb, pinfo, tree) return segment(tvb, pinfo, tree, pinfo.can_desegment > 0) end

local function looks_like_x2x3(tvb, pinfo, tree)
  if tvb:len() < 12 then return false end
  local version, kind = tvb(0, 2):uint(), tvb(2, 2):uint()
  if (version ~= 0x0005 and version ~= 0x0500) or kind < 1 or kind > 4 or bad_lengths(tvb) then return false end
  pinfo.conversation = x
  -- Also the first segment may end within a PDU: TCP waits for more, though it does not say so to whom it asks.
  segment(tvb, pinfo, tree, true)
  return true
end

x:register_heuristic('tcp', looks_like_x2x3)
x:register_heuristic('tls', looks_like_x2x3)
DissectorTable.get('tcp.port'):add_for_decode_as(x)
