-- SRTP in the clear for Wireshark, which takes no keys of SRTP itself: AES-CM with HMAC-SHA-1 (RFC 3711, RFC 6188) and
-- AES-GCM (RFC 7714), wherever Wireshark finds RTP: on UDP, and within X3 and HI3 by the dissectors beside this one.
--
-- To use it: copy it into the folder of personal Lua plugins (Help, About, Folders) and name the keys in its preferences, or
--     claviger keylog --hi2 hi2.ber --hi3 hi3.ber --format wireshark --out keys.txt
--     tshark -X lua_script:tools/wireshark/claviger-srtp.lua -o claviger_srtp.keylog:keys.txt -r FILE -Y claviger_srtp
--
-- The keys are lines; what begins with # is a comment:
--     SRTP SSRC SUITE MKI KEY ROC         hex but for SUITE (RFC 4568) and ROC; MKI is - where packets have none;
--                                         KEY is master key and salt; ROC is that of the first packet under it
--
-- A packet is shown in the clear only if its tag verifies under a key that has its SSRC and its MKI, at the roll-over counter
-- of the packet before, one more or one less. Filters: claviger_srtp.ssrc, .mki, .roc, .payload, .unopened.

local bits = bit32 or bit
local band, bxor, lshift, rshift = bits.band, bits.bxor, bits.lshift, bits.rshift
local WORD = 4294967296

local SUITE = {
  AES_CM_128_HMAC_SHA1_80 = { key = 16, salt = 14, tag = 10 },
  AES_CM_128_HMAC_SHA1_32 = { key = 16, salt = 14, tag = 4 },
  AES_256_CM_HMAC_SHA1_80 = { key = 32, salt = 14, tag = 10 },
  AES_256_CM_HMAC_SHA1_32 = { key = 32, salt = 14, tag = 4 },
  AEAD_AES_128_GCM = { key = 16, salt = 12, tag = 16, gcm = true },
  AEAD_AES_256_GCM = { key = 32, salt = 12, tag = 16, gcm = true },
}

-- Octets as strings, and as lists of numbers.
local function octets(text) return { text:byte(1, -1) } end
local function unpack_range(list, from, to) return (table.unpack or unpack)(list, from, to) end
local function text_of(list)
  local parts = {}
  for at = 1, #list, 4096 do parts[#parts + 1] = string.char(unpack_range(list, at, math.min(#list, at + 4095))) end
  return table.concat(parts)
end
local function unhex(hex) return (hex:gsub('%x%x', function(pair) return string.char(tonumber(pair, 16)) end)) end
local function hex(text) return (text:gsub('.', function(c) return string.format('%02x', c:byte()) end)) end
local function u32(value)
  return string.char(rshift(value, 24) % 256, rshift(value, 16) % 256, rshift(value, 8) % 256, value % 256)
end
local function word_at(text, at)
  local a, b, c, d = text:byte(at, at + 3)
  return ((a * 256 + b) * 256 + c) * 256 + d
end

-- AES (FIPS 197), encryption alone.
local SBOX, TWICE = {}, {}
do
  local function twice(x) return x < 128 and x * 2 or bxor(x * 2 - 256, 0x1b) end
  for x = 0, 255 do TWICE[x] = twice(x) end
  local p, q = 1, 1
  repeat
    p = bxor(p, TWICE[p])
    q = bxor(q, (q * 2) % 256)
    q = bxor(q, (q * 4) % 256)
    q = bxor(q, (q * 16) % 256)
    if q >= 128 then q = bxor(q, 0x09) end
    local function turned(n) return bxor((q * 2 ^ n) % 256, rshift(q, 8 - n)) end
    SBOX[p] = bxor(bxor(bxor(bxor(q, turned(1)), turned(2)), bxor(turned(3), turned(4))), 0x63)
  until p == 1
  SBOX[0] = 0x63
end

-- The round keys of a key, as one list of octets.
local function expanded(key)
  local words, rounds = #key / 4, #key / 4 + 6
  local out, rcon = octets(key), 1
  for at = words, 4 * (rounds + 1) - 1 do
    local a, b, c, d = out[4 * at - 3], out[4 * at - 2], out[4 * at - 1], out[4 * at]
    if at % words == 0 then
      a, b, c, d = bxor(SBOX[b], rcon), SBOX[c], SBOX[d], SBOX[a]
      rcon = TWICE[rcon]
    elseif words > 6 and at % words == 4 then
      a, b, c, d = SBOX[a], SBOX[b], SBOX[c], SBOX[d]
    end
    local before = 4 * (at - words)
    out[4 * at + 1] = bxor(out[before + 1], a)
    out[4 * at + 2] = bxor(out[before + 2], b)
    out[4 * at + 3] = bxor(out[before + 3], c)
    out[4 * at + 4] = bxor(out[before + 4], d)
  end
  return { keys = out, rounds = rounds }
end

-- Where ShiftRows takes each octet from.
local SHIFTED = { 1, 6, 11, 16, 5, 10, 15, 4, 9, 14, 3, 8, 13, 2, 7, 12 }

local function encrypted(aes, block)
  local keys, rounds = aes.keys, aes.rounds
  local state, next_state = {}, {}
  for i = 1, 16 do state[i] = bxor(block[i], keys[i]) end
  for round = 1, rounds do
    local offset = 16 * round
    for column = 1, 13, 4 do
      local a, b, c, d = SBOX[state[SHIFTED[column]]], SBOX[state[SHIFTED[column + 1]]],
        SBOX[state[SHIFTED[column + 2]]], SBOX[state[SHIFTED[column + 3]]]
      if round < rounds then
        local all = bxor(bxor(a, b), bxor(c, d))
        a, b, c, d = bxor(bxor(a, all), TWICE[bxor(a, b)]), bxor(bxor(b, all), TWICE[bxor(b, c)]),
          bxor(bxor(c, all), TWICE[bxor(c, d)]), bxor(bxor(d, all), TWICE[bxor(d, a)])
      end
      next_state[column] = bxor(a, keys[offset + column])
      next_state[column + 1] = bxor(b, keys[offset + column + 1])
      next_state[column + 2] = bxor(c, keys[offset + column + 2])
      next_state[column + 3] = bxor(d, keys[offset + column + 3])
    end
    state, next_state = next_state, state
  end
  return state
end

-- Counter mode: the input under the keystream from a block of 16 octets on, whose last octets are the counter.
local function counter_mode(aes, block, input)
  local counter, out = { unpack_range(block, 1, 16) }, {}
  local plain = octets(input)
  for at = 1, #plain, 16 do
    local stream = encrypted(aes, counter)
    for i = 0, math.min(15, #plain - at) do out[at + i] = bxor(plain[at + i], stream[i + 1]) end
    for i = 16, 13, -1 do
      counter[i] = (counter[i] + 1) % 256
      if counter[i] ~= 0 then break end
    end
  end
  return text_of(out)
end

-- SHA-1 (FIPS 180-4) and HMAC (RFC 2104).
local function rotated(word, count) return (lshift(word, count) % WORD + rshift(word, 32 - count) % WORD) % WORD end

local function sha1(message)
  local length = #message
  message = message .. '\128' .. string.rep('\0', (55 - length) % 64) .. u32(math.floor(length / 536870912)) .. u32((length * 8) % WORD)
  local h0, h1, h2, h3, h4 = 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0
  for at = 1, #message, 64 do
    local w = {}
    for i = 0, 15 do w[i] = word_at(message, at + 4 * i) end
    for i = 16, 79 do w[i] = rotated(bxor(bxor(w[i - 3], w[i - 8]), bxor(w[i - 14], w[i - 16])) % WORD, 1) end
    local a, b, c, d, e = h0, h1, h2, h3, h4
    for i = 0, 79 do
      local f, k
      if i < 20 then f, k = bxor(d, band(b, bxor(c, d))), 0x5a827999
      elseif i < 40 then f, k = bxor(bxor(b, c), d), 0x6ed9eba1
      elseif i < 60 then f, k = bxor(band(b, c), band(d, bxor(b, c))), 0x8f1bbcdc
      else f, k = bxor(bxor(b, c), d), 0xca62c1d6 end
      a, b, c, d, e = (rotated(a, 5) + f % WORD + e + k + w[i]) % WORD, a, rotated(b, 30), c, d
    end
    h0, h1, h2, h3, h4 = (h0 + a) % WORD, (h1 + b) % WORD, (h2 + c) % WORD, (h3 + d) % WORD, (h4 + e) % WORD
  end
  return u32(h0) .. u32(h1) .. u32(h2) .. u32(h3) .. u32(h4)
end

local function hmac(key, message)
  local function padded(with)
    local out = {}
    for i = 1, 64 do out[i] = bxor(key:byte(i) or 0, with) end
    return text_of(out)
  end
  return sha1(padded(0x5c) .. sha1(padded(0x36) .. message))
end

-- GHASH (NIST SP 800-38D section 6.4) of text that is a multiple of 16 octets, as a list of four words.
local function ghash(subkey, text)
  local y = { 0, 0, 0, 0 }
  for at = 1, #text, 16 do
    for i = 1, 4 do y[i] = bxor(y[i], word_at(text, at + 4 * (i - 1))) % WORD end
    local z, v = { 0, 0, 0, 0 }, { unpack_range(subkey, 1, 4) }
    for i = 1, 4 do
      for place = 31, 0, -1 do
        if math.floor(y[i] / 2 ^ place) % 2 == 1 then for k = 1, 4 do z[k] = bxor(z[k], v[k]) % WORD end end
        local low = v[4] % 2
        for k = 4, 2, -1 do v[k] = math.floor(v[k] / 2) + (v[k - 1] % 2) * 2147483648 end
        v[1] = math.floor(v[1] / 2)
        if low == 1 then v[1] = bxor(v[1], 0xe1000000) % WORD end
      end
    end
    y = z
  end
  return y
end

local function filled(text) return text .. string.rep('\0', -#text % 16) end

-- Session keys (RFC 3711 section 4.3): a label each, the rate of derivation being 0.
local function derived(key)
  local master = expanded(key.octets:sub(1, key.suite.key))
  local function with(label, length)
    local block = octets(filled(key.octets:sub(key.suite.key + 1)))
    block[8] = bxor(block[8], label)
    return counter_mode(master, block, string.rep('\0', length))
  end
  key.aes = expanded(with(0, key.suite.key))
  key.auth = with(1, 20)
  key.salt = octets(with(2, key.suite.salt))
  if key.suite.gcm then
    local h = text_of(encrypted(key.aes, octets(string.rep('\0', 16))))
    key.subkey = { word_at(h, 1), word_at(h, 5), word_at(h, 9), word_at(h, 13) }
  end
end

-- The first block of the counter: the octets after so many zeros, XORed with the salt.
local function first_block(salt, text)
  local block = octets(filled(text))
  for i = 1, #salt do block[i] = bxor(block[i], salt[i]) end
  return block
end

-- The payload in the clear, or nil where the tag does not verify. header, rest and tag are those of the packet.
local function opened(key, packet, header, body_end, roc)
  if key.aes == nil then derived(key) end
  local clear, ssrc, seq = packet:sub(1, header), packet:sub(9, 12), packet:sub(3, 4)
  if key.suite.gcm then
    local sealed, tag = packet:sub(header + 1, body_end - 16), packet:sub(body_end - 15, body_end)
    local block = first_block(key.salt, '\0\0' .. ssrc .. u32(roc) .. seq)
    block[16] = 1
    local lengths = u32(0) .. u32(8 * #clear) .. u32(0) .. u32(8 * #sealed)
    local hash = ghash(key.subkey, filled(clear) .. filled(sealed) .. lengths)
    local mask = text_of(encrypted(key.aes, block))
    for i = 1, 4 do
      if bxor(hash[i], word_at(mask, 4 * i - 3)) % WORD ~= word_at(tag, 4 * i - 3) then return nil end
    end
    block[16] = 2
    return counter_mode(key.aes, block, sealed)
  end
  local tag = packet:sub(-key.suite.tag)
  if hmac(key.auth, packet:sub(1, body_end) .. u32(roc)):sub(1, key.suite.tag) ~= tag then return nil end
  local block = first_block(key.salt, '\0\0\0\0' .. ssrc .. u32(roc) .. seq)
  return counter_mode(key.aes, block, packet:sub(header + 1, body_end))
end

-- The header's length (RFC 3550 section 5.1), or nil.
local function header_of(packet)
  if #packet < 12 or rshift(packet:byte(1), 6) ~= 2 then return nil end
  local length = 12 + 4 * (packet:byte(1) % 16)
  if band(packet:byte(1), 0x10) ~= 0 then
    if #packet < length + 4 then return nil end
    length = length + 4 + 4 * (packet:byte(length + 3) * 256 + packet:byte(length + 4))
  end
  return length <= #packet and length or nil
end

local srtp = Proto('claviger_srtp', 'SRTP in the clear')
srtp.prefs.keylog = Pref.string('Keys', '', 'File with lines of claviger keylog --format wireshark')
local f = {
  ssrc = ProtoField.uint32('claviger_srtp.ssrc', 'SSRC', base.HEX),
  mki = ProtoField.bytes('claviger_srtp.mki', 'MKI'),
  roc = ProtoField.uint32('claviger_srtp.roc', 'Roll-over counter'),
  payload = ProtoField.bytes('claviger_srtp.payload', 'Payload'),
  unopened = ProtoField.bool('claviger_srtp.unopened', 'Not opened'),
}
srtp.fields = f
local rtp = Field.new('rtp')

-- Keys by SSRC; nil: not read yet.
local keys = nil
-- Roll-over counters by SSRC, while the file is read for the first time, and of what was opened by frame and place in it.
local counters, found = {}, {}

local function read_keys(file)
  local out = {}
  if file == '' then return out end
  local handle, problem = io.open(file, 'r')
  if not handle then
    print('claviger-srtp: ' .. problem)
    return out
  end
  for line in handle:lines() do
    local ssrc, name, mki, key, roc = line:match('^SRTP (%x+) (%S+) (%S+) (%x+) (%d+)%s*$')
    local suite = SUITE[name or '']
    if suite and #key == 2 * (suite.key + suite.salt) then
      local of = tonumber(ssrc, 16)
      out[of] = out[of] or {}
      table.insert(out[of], { suite = suite, octets = unhex(key), mki = mki == '-' and '' or unhex(mki), roc = tonumber(roc) })
    elseif line:match('^%s*[^#%s]') then
      print('claviger-srtp: a line of ' .. file .. ' is not a key')
    end
  end
  handle:close()
  return out
end

function srtp.prefs_changed() keys = nil end
function srtp.init() counters, found, keys = {}, {}, nil end

-- The key of a packet, its counter and what is in it; nil where none opens it.
local function search(packet, header, ssrc)
  for _, key in ipairs(keys[ssrc]) do
    local trailer = #key.mki + (key.suite.gcm and 0 or key.suite.tag)
    local body_end = #packet - trailer
    local least = header + (key.suite.gcm and 16 or 0)
    if body_end >= least and packet:sub(body_end + 1, body_end + #key.mki) == key.mki then
      local last = counters[ssrc] or key.roc
      for _, roc in ipairs({ last, last + 1, last - 1, key.roc }) do
        local payload = roc >= 0 and opened(key, packet, header, body_end, roc) or nil
        if payload then return { key = key, roc = roc, body_end = body_end }, payload end
      end
    end
  end
  return nil, nil
end

local function show(packet, range, place, pinfo, tree)
  local header = header_of(packet)
  if not header then return end
  local ssrc = word_at(packet, 9)
  if not keys[ssrc] then return end
  local at = pinfo.number .. '/' .. place
  local how, payload = found[at], nil
  if how then payload = opened(how.key, packet, header, how.body_end, how.roc)
  else
    how, payload = search(packet, header, ssrc)
    found[at] = how
    if how then counters[ssrc] = math.max(how.roc, counters[ssrc] or 0) end
  end
  local branch = tree:add(srtp, range)
  branch:add(f.ssrc, range(8, 4))
  if not payload then
    branch:add(f.unopened, true):set_generated()
    branch:append_text(': no key opens it')
    return
  end
  if #how.key.mki > 0 then branch:add(f.mki, range(how.body_end, #how.key.mki)) end
  branch:add(f.roc, how.roc):set_generated()
  branch:append_text(string.format(': %d octets', #payload))
  if #payload > 0 then
    local plain = ByteArray.new(hex(payload)):tvb('SRTP in the clear')
    branch:add(f.payload, plain())
  end
end

function srtp.dissector(_, pinfo, tree)
  if keys == nil then keys = read_keys(srtp.prefs.keylog) end
  if next(keys) == nil then return end
  for place, info in ipairs({ rtp() }) do
    local range = info.range
    show(range:raw(), range, place, pinfo, tree)
  end
end

register_postdissector(srtp)
