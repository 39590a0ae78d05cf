-- HI2 and HI3 (TS 102 232-1) for Wireshark: PS-PDUs on TCP, told by their first octets or by Decode As; the header, a
-- summary of records (TS 33.108), content (TS 102 232-5, TS 33.108) and what the transport itself says. SIP and RTP go to
-- Wireshark's own dissectors; with claviger.lua beside it, MIKEY-IBAKE in the SIP messages is read too.
--
-- To use it: copy it into the folder of personal Lua plugins (Help, About, Folders), or
--     tshark -X lua_script:tools/wireshark/claviger-hi.lua -r FILE
--
-- Filters: li_ps.liid == "LIID-1", li_ps.cin, li_ps.payload == "IRI", li_ps.ims_event == 3, li_ps.malformed.
--
-- Whatever a length says: nothing is read beyond the PDU, PDUs of more than 2 MiB are none, and nesting is bounded.

local IRI_TYPE = { [1] = 'iRI-Begin', [2] = 'iRI-End', [3] = 'iRI-Continue', [4] = 'iRI-Report' }
local IMS_EVENT = {
  [1] = 'unfilteredSIPmessage', [2] = 'sIPheaderOnly', [3] = 'decryptionKeysAvailable',
  [4] = 'startOfInterceptionForIMSEstablishedSession', [7] = 'ccUnavailable',
}
local DIRECTION = { [0] = 'fromTarget', [1] = 'toTarget', [2] = 'indeterminate', [3] = 'combined', [4] = 'notapplicable' }
local VOIP_DIRECTION = { [1] = 'fromTarget', [2] = 'toTarget', [3] = 'combined', [4] = 'unknown' }
local QUALIFIER = { [0] = 'unknown', [1] = 'timeOfInterception', [2] = 'timeOfMediation', [3] = 'timeOfAggregation' }
local FRAME = { [0] = 'ipFrame', [1] = 'udpFrame', [2] = 'rtpFrame', [3] = 'audioFrame', [4] = 'tcpFrame', [5] = 'artificialRtpFrame' }
local TRI = {
  [0] = 'integrityCheck', [1] = 'testPDU', [2] = 'paddingPDU', [3] = 'keep-alive', [4] = 'keep-aliveResponse',
  [5] = 'firstSegmentFlag', [6] = 'lastSegmentFlag', [7] = 'cINReset', [8] = 'operatorLeaMessage', [9] = 'optionRequest',
  [10] = 'optionResponse', [11] = 'optionComplete', [12] = 'pDUAcknowledgementRequest', [13] = 'pDUAcknowledgementResponse',
}
local HI1 = { [1] = 'liActivated', [2] = 'liDeactivated', [3] = 'liModified', [4] = 'alarms-indicator', [5] = 'national' }
local PAYLOAD = { [0] = 'IRI', [1] = 'CC', [2] = 'TRI', [3] = 'HI1', [4] = 'encryptionContainer' }

local hi = Proto('li_ps', 'HI2/HI3 (TS 102 232-1)')
local f = {
  domain = ProtoField.oid('li_ps.domain', 'li-psDomainId'),
  liid = ProtoField.string('li_ps.liid', 'LIID'),
  country = ProtoField.string('li_ps.country', 'authorizationCountryCode'),
  operator = ProtoField.string('li_ps.operator', 'operatorIdentifier'),
  element = ProtoField.string('li_ps.element', 'networkElementIdentifier'),
  cin = ProtoField.uint32('li_ps.cin', 'communicationIdentityNumber'),
  delivery_country = ProtoField.string('li_ps.delivery_country', 'deliveryCountryCode'),
  sequence = ProtoField.uint32('li_ps.seq', 'sequenceNumber'),
  time = ProtoField.absolute_time('li_ps.time', 'Time', base.UTC),
  time_text = ProtoField.string('li_ps.time_text', 'timeStamp'),
  qualifier = ProtoField.uint32('li_ps.time_qualifier', 'timeStampQualifier', base.DEC, QUALIFIER),
  payload = ProtoField.string('li_ps.payload', 'Payload'),
  record = ProtoField.none('li_ps.record', 'Record'),
  iri_type = ProtoField.uint32('li_ps.iri_type', 'iRIType', base.DEC, IRI_TYPE),
  event = ProtoField.uint32('li_ps.ims_event', 'iMSevent', base.DEC, IMS_EVENT),
  direction = ProtoField.uint32('li_ps.direction', 'payloadDirection', base.DEC, DIRECTION),
  voip_direction = ProtoField.uint32('li_ps.t_pdu_direction', 't-PDU-direction', base.DEC, VOIP_DIRECTION),
  party = ProtoField.string('li_ps.party', 'Party'),
  correlation = ProtoField.bytes('li_ps.correlation', 'correlation'),
  key = ProtoField.none('li_ps.key', 'CCKeyInfo'),
  key_cs = ProtoField.bytes('li_ps.key.cs_id', 'cCCSID'),
  key_key = ProtoField.bytes('li_ps.key.key', 'cCDecKey'),
  key_salt = ProtoField.bytes('li_ps.key.salt', 'cCSalt'),
  failure = ProtoField.uint32('li_ps.media_sec_failure', 'mediaSecFailureIndication'),
  reason = ProtoField.string('li_ps.cc_unavailable', 'ccUnavailableReason'),
  sip = ProtoField.bytes('li_ps.sip', 'SIP'),
  sdp = ProtoField.bytes('li_ps.sdp', 'SDP'),
  packet = ProtoField.none('li_ps.packet', 'Packet'),
  frame = ProtoField.uint32('li_ps.frame_type', 'frameType', base.DEC, FRAME),
  stream = ProtoField.string('li_ps.stream', 'streamIdentifier'),
  content = ProtoField.bytes('li_ps.content', 'Content'),
  tri = ProtoField.uint32('li_ps.tri', 'TRI', base.DEC, TRI),
  hi1 = ProtoField.uint32('li_ps.hi1', 'HI1-Operation', base.DEC, HI1),
  text = ProtoField.string('li_ps.text', 'Text'),
  other = ProtoField.bytes('li_ps.other', 'Not read here'),
}
hi.fields = f
local malformed = ProtoExpert.new('li_ps.malformed', 'Cannot be read', expert.group.MALFORMED, expert.severity.ERROR)
hi.experts = { malformed }

local MOST, DEPTH = 2097152, 32

-- The head of an element (X.690 8.1): tag octet, number, where the contents begin and how many there are, -1 for those of
-- indefinite length; nil: more octets are needed. Never reads at or beyond `to`.
local function head(tvb, at, to)
  if at + 2 > to then return nil end
  local tag, number = tvb(at, 1):uint(), tvb(at, 1):uint() % 32
  local next_at = at + 1
  if number == 31 then
    number = 0
    repeat
      if next_at >= to then return nil end
      if next_at > at + 4 then error('a tag of more than 4 octets', 0) end
      local octet = tvb(next_at, 1):uint()
      number = number * 128 + octet % 128
      next_at = next_at + 1
    until octet < 128
    if next_at >= to then return nil end
  end
  local length = tvb(next_at, 1):uint()
  next_at = next_at + 1
  if length == 128 then return tag, number, next_at, -1 end
  if length > 128 then
    local octets = length - 128
    if octets > 8 then error('a length of ' .. octets .. ' octets', 0) end
    if next_at + octets > to then return nil end
    length = 0
    for i = next_at, next_at + octets - 1 do length = length * 256 + tvb(i, 1):uint() end
    next_at = next_at + octets
    if length > MOST then error('an element of ' .. length .. ' octets', 0) end
  end
  return tag, number, next_at, length
end

-- Where the element at `at` ends, and where its contents do; nil: more octets are needed.
local function ends(tvb, at, to)
  local open, next_at, contents_end = 0, at, nil
  repeat
    local tag, _, from, length = head(tvb, next_at, to)
    if tag == nil then return nil end
    contents_end = next_at
    if length < 0 then
      open = open + 1
      next_at = from
      if open > DEPTH then error('nested too deeply', 0) end
    else
      if tag == 0 and length == 0 and open > 0 then open = open - 1 end
      next_at = from + length
    end
    if next_at - at > MOST then error('a PDU of more than 2 MiB', 0) end
  until open == 0
  local _, _, _, length = head(tvb, at, to)
  return next_at, length < 0 and contents_end or next_at
end

-- The elements of one level, at most 10,000: { tag, number, range of the contents or nil }.
local function elements(range)
  local list = {}
  if range == nil then return list end
  local tvb, at, to = range:tvb(), 0, range:len()
  while at < to do
    local next_at, contents_end = ends(tvb, at, to)
    if next_at == nil or next_at > to then error('an element at ' .. at .. ' is cut short', 0) end
    local tag, number, from = head(tvb, at, to)
    list[#list + 1] = { tag = tag, number = number, range = contents_end > from and tvb(from, contents_end - from) or nil }
    if #list > 10000 then error('more elements than are read here', 0) end
    at = next_at
  end
  return list
end
-- The same by tag number; of several the last.
local function members(range)
  local found = {}
  for _, each in ipairs(elements(range)) do found[each.number] = each.range or false end
  return found
end
local function first(range)
  local each = elements(range)[1]
  if each == nil then error('an alternative is expected', 0) end
  return each.number, each.range
end
local function uint(range)
  if not range then return nil end
  if range:len() > 6 then error('an INTEGER of ' .. range:len() .. ' octets', 0) end
  local value = 0
  for i = 0, range:len() - 1 do value = value * 256 + range(i, 1):uint() end
  return value
end
local function add(tree, field, range) if range then tree:add(field, range) end end
local function add_number(tree, field, range)
  local value = uint(range)
  if value and value < 4294967296 then tree:add(field, range, value) end
  return value
end
local function add_time(tree, range)
  if not range then return end
  local parts = members(range)
  local seconds, micro = uint(parts[0]), uint(parts[1])
  if seconds and micro then tree:add(f.time, range, NSTime.new(seconds, micro * 1000)) end
end
local function first_line(range)
  local text = range(0, math.min(range:len(), 120)):string()
  return (text:match('^[^\r\n]*'):gsub('[^\32-\126]', '.'))
end
local function hand_over(name, range, pinfo, root) Dissector.get(name):call(range:tvb(), pinfo, root) end

local function header(tree, range)
  local parts = members(range)
  add(tree, f.domain, parts[0])
  add(tree, f.liid, parts[1])
  add(tree, f.country, parts[2])
  local communication = members(parts[3])
  local network = members(communication[0] or nil)
  add(tree, f.operator, network[0])
  add(tree, f.element, network[1])
  local cin = add_number(tree, f.cin, communication[1])
  add(tree, f.delivery_country, communication[2])
  local sequence = add_number(tree, f.sequence, parts[4])
  add(tree, f.time_text, parts[5])
  add_time(tree, parts[7])
  add_number(tree, f.qualifier, parts[8])
  return parts[1] and parts[1]:string():gsub('[^\32-\126]', '.') or '', cin, sequence
end

-- SIP that came as head and session description apart goes on in two parts.
local function sip(tree, range, pinfo, root)
  if not range then return nil end
  tree:add(f.sip, range)
  hand_over('sip', range, pinfo, root)
  return first_line(range)
end
local function sdp(tree, range, pinfo, root)
  if not range then return end
  tree:add(f.sdp, range)
  hand_over('sdp', range, pinfo, root)
end

local PARTY = { 8, 9, 10, 13, 1, 3 }

-- EpsIRI-Parameters (TS 33.108 annex B.9).
local function parameters(tree, range, pinfo, root)
  local parts, told = members(range), {}
  for _, party in ipairs(elements(parts[9] or nil)) do
    local identity = members(members(party.range)[1] or nil)
    for _, number in ipairs(PARTY) do add(tree, f.party, identity[number]) end
  end
  local event = add_number(tree, f.event, parts[29])
  if event then told[#told + 1] = IMS_EVENT[event] or 'iMSevent ' .. event end
  add(tree, f.correlation, parts[35])
  for _, key in ipairs(elements(parts[42] or nil)) do
    local info = members(key.range)
    local sub = tree:add(f.key, key.range)
    add(sub, f.key_cs, info[1])
    add(sub, f.key_key, info[2])
    add(sub, f.key_salt, info[3])
    told[#told + 1] = 'key of CS ' .. (info[1] and info[1]:bytes():tohex() or '?')
  end
  if add_number(tree, f.failure, parts[50]) then told[#told + 1] = 'media security failure' end
  add(tree, f.reason, parts[60])
  for _, number in ipairs({ 30, 44, 45 }) do told[#told + 1] = sip(tree, parts[number], pinfo, root) end
  for _, number in ipairs({ 46, 47 }) do sdp(tree, parts[number], pinfo, root) end
  return table.concat(told, ', ')
end

local function eps(tree, range, pinfo, root)
  local number, contents = first(range)
  if number ~= 1 then return 'ePSIRI alternative ' .. number end
  local told = {}
  for _, content in ipairs(elements(contents)) do
    local records = content.tag == 0x30 and elements(content.range) or { content }
    for _, record in ipairs(records) do told[#told + 1] = parameters(tree, record.range, pinfo, root) end
  end
  return table.concat(told, ' + ')
end

-- IPMMIRI (TS 102 232-5 clause 5.2).
local function ipmm_iri(tree, range, pinfo, root)
  local number, message = first(members(range)[1] or nil)
  if number == 1 or number == 6 then return sip(tree, members(message)[2], pinfo, root) or 'SIP' end
  if (number == 0 or number == 5) and message then
    tree:add(f.content, message)
    hand_over('ip', message, pinfo, root)
    return 'IP packet'
  end
  return 'iPMMIRIContents alternative ' .. number
end

local function iri(tree, range, pinfo, root)
  local told = {}
  for _, payload in ipairs(elements(range)) do
    local sub = tree:add(f.record, payload.range)
    local parts = members(payload.range)
    add_number(sub, f.iri_type, parts[0])
    add_time(sub, parts[3])
    add_number(sub, f.direction, parts[6])
    local number, contents = first(parts[2] or nil)
    if number == 15 then told[#told + 1] = eps(sub, contents, pinfo, root)
    elseif number == 11 then told[#told + 1] = ipmm_iri(sub, contents, pinfo, root)
    else
      add(sub, f.other, contents)
      told[#told + 1] = 'iRIContents alternative ' .. number
    end
  end
  return table.concat(told, ' + ')
end

local HANDLERS = { [0] = 'ip', [1] = 'udp', [2] = 'rtp', [5] = 'rtp' }

local function cc(tree, range, pinfo, root)
  local told = {}
  for _, payload in ipairs(elements(range)) do
    local sub = tree:add(f.packet, payload.range)
    local parts = members(payload.range)
    local direction = add_number(sub, f.direction, parts[0])
    local about = direction and (DIRECTION[direction] or 'direction ' .. direction) or 'no direction'
    add_time(sub, parts[3])
    local number, contents = first(parts[2] or nil)
    local packet, handler
    if number == 12 then
      local ipmm = members(contents)
      local frame = add_number(sub, f.frame, ipmm[2])
      add(sub, f.stream, ipmm[3])
      packet = ipmm[1]
      handler = HANDLERS[frame or 2]
      if ipmm[4] and uint(ipmm[4]) ~= 0 then handler = nil end
    elseif number == 20 then
      local voip = members(contents)
      local way = add_number(sub, f.voip_direction, members(voip[1] or nil)[6])
      about = VOIP_DIRECTION[way] or about
      packet = voip[2]
      -- TS 33.108 names no frame type: IP version 4 or 6 and RTP version 2 differ in their first bits.
      if packet then handler = math.floor(packet(0, 1):uint() / 64) == 2 and 'rtp' or 'ip' end
    else
      add(sub, f.other, contents)
      about = about .. ', cCContents alternative ' .. number
    end
    if packet then
      sub:add(f.content, packet)
      if handler then hand_over(handler, packet, pinfo, root) end
    end
    told[#told + 1] = about
  end
  return table.concat(told, ', ')
end

local function hi1(tree, number, range)
  tree:add(f.hi1, range, number)
  local parts = members(range)
  local text = number == 4 and parts[3] or parts[6]
  if text then tree:add(f.text, text) end
  return (HI1[number] or 'alternative ' .. number) .. (text and ': ' .. first_line(text) or '')
end

local function pdu(tvb, pinfo, root)
  local top = root:add(hi, tvb())
  local about = 'PS-PDU'
  local ok, why = pcall(function()
    local outer = elements(tvb())[1]
    local parts = members(outer.range)
    if not parts[1] or not parts[2] then error('header or payload is missing', 0) end
    local liid, cin, sequence = header(top, parts[1])
    local number, contents = first(parts[2])
    local name = PAYLOAD[number] or 'payload ' .. number
    top:add(f.payload, parts[2], name)
    about = ('%s %s%s #%s'):format(name, liid, cin and ' CIN ' .. cin or '', sequence or '?')
    local summary = ''
    if number == 0 then summary = iri(top, contents, pinfo, root)
    elseif number == 1 then summary = cc(top, contents, pinfo, root)
    elseif number == 2 then
      local tri = first(contents)
      top:add(f.tri, contents, tri)
      summary = TRI[tri] or 'alternative ' .. tri
    elseif number == 3 then summary = hi1(top, first(contents))
    else add(top, f.other, contents) end
    if summary ~= '' then about = about .. ': ' .. summary end
  end)
  top:append_text(': ' .. about)
  if not ok then top:add_proto_expert_info(malformed, tostring(why)) end
  return about .. (ok and '' or ' [malformed]')
end

-- The PDUs of a segment; one that is not complete waits for the next.
local function segment(tvb, pinfo, root, can_wait)
  local at, octets, seen = 0, tvb:len(), {}
  pinfo.cols.protocol = 'HI2/HI3'
  pinfo.cols.info = ''
  while at < octets do
    local ok, next_at = pcall(ends, tvb, at, octets)
    if not ok or tvb(at, 1):uint() ~= 0x30 then
      root:add(hi, tvb(at)):add_proto_expert_info(malformed, ok and 'not a PS-PDU' or tostring(next_at))
      seen[#seen + 1] = 'not a PS-PDU [malformed]'
      break
    end
    if (next_at == nil or next_at > octets) and can_wait then
      pinfo.desegment_offset = at
      pinfo.desegment_len = next_at == nil and DESEGMENT_ONE_MORE_SEGMENT or next_at - octets
      break
    end
    next_at = math.min(next_at or octets, octets)
    seen[#seen + 1] = pdu(tvb(at, next_at - at):tvb(), pinfo, root)
    at = next_at
  end
  if #seen > 0 then
    pinfo.cols.protocol = 'HI2/HI3'
    pinfo.cols.info:prepend(table.concat(seen, ' | ') .. (tostring(pinfo.cols.info) == '' and '' or ' | '))
  end
  return octets
end

function hi.dissector(tvb, pinfo, root) return segment(tvb, pinfo, root, pinfo.can_desegment > 0) end

-- 30 length a1 length 80 length 04 00 02 02 05 01: a PS-PDU whose domain is that of TS 102 232-1.
local function looks_like_hi(tvb, pinfo, root)
  local octets = math.min(tvb:len(), 40)
  if octets < 14 or tvb(0, 1):uint() ~= 0x30 then return false end
  local ok, is = pcall(function()
    local _, _, outer = head(tvb, 0, octets)
    local tag, _, inner = head(tvb, outer, octets)
    local oid_tag, _, oid = head(tvb, inner, octets)
    return tag == 0xa1 and oid_tag == 0x80 and tvb(oid, 6):bytes():tohex() == '040002020501'
  end)
  if not ok or not is then return false end
  pinfo.conversation = hi
  -- Also the first segment may end within a PDU: TCP waits for more, though it does not say so to whom it asks.
  segment(tvb, pinfo, root, true)
  return true
end

hi:register_heuristic('tcp', looks_like_hi)
hi:register_heuristic('tls', looks_like_hi)
DissectorTable.get('tcp.port'):add_for_decode_as(hi)
