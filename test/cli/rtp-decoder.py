"""What libsrtp makes of packets with the options of its rtp_decoder, which distributions do not package.

Reads from standard input, and writes likewise, as JSON:
    [{ "options": ["-a", "-e", "128", ...], "packets": [hex, ...] }, ...]    ->    [[payload in hex or null, ...], ...]

Policies are set as rtp_decoder.c of libsrtp 2 sets them from its options; a policy is srtp_policy_t of srtp.h.
"""

import ctypes
import json
import sys

lib = ctypes.CDLL("libsrtp2.so.1")
AES_ICM_128, AES_ICM_256, AES_GCM_128, AES_GCM_256 = 1, 5, 6, 7
NULL_AUTH, HMAC_SHA1 = 0, 3
CONF, AUTH = 1, 2
ANY_INBOUND = 2


class Crypto(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_int)
        for name in ("cipher", "key_len", "auth", "auth_key_len", "tag_len", "services")
    ]


class Policy(ctypes.Structure):
    _fields_ = [
        ("ssrc_type", ctypes.c_int),
        ("ssrc", ctypes.c_uint),
        ("rtp", Crypto),
        ("rtcp", Crypto),
        ("key", ctypes.c_char_p),
        ("keys", ctypes.c_void_p),
        ("num_master_keys", ctypes.c_ulong),
        ("ekt", ctypes.c_void_p),
        ("window_size", ctypes.c_ulong),
        ("allow_repeat_tx", ctypes.c_int),
        ("enc_xtn_hdr", ctypes.c_void_p),
        ("enc_xtn_hdr_count", ctypes.c_int),
        ("next", ctypes.c_void_p),
    ]


def policy_of(options):
    services, gcm, bits, tag, key = 0, False, 128, 8, b""
    rest = list(options)
    while rest:
        option = rest.pop(0)
        if option == "-a":
            services |= AUTH
        elif option == "-g":
            gcm, services = True, services | AUTH
        elif option == "-e":
            bits, services = int(rest.pop(0)), services | CONF
        elif option == "-t":
            tag = int(rest.pop(0))
        elif option == "-k":
            key = bytes.fromhex(rest.pop(0))
        else:
            raise ValueError(option)
    if gcm:
        crypto = Crypto(AES_GCM_128 if bits == 128 else AES_GCM_256, bits // 8 + 12, NULL_AUTH, 0, tag, services)
    elif services & AUTH:
        crypto = Crypto(AES_ICM_128 if bits == 128 else AES_ICM_256, bits // 8 + 14, HMAC_SHA1, 20, tag, services)
    else:
        crypto = Crypto(AES_ICM_128 if bits == 128 else AES_ICM_256, bits // 8 + 14, NULL_AUTH, 0, tag, services)
    if len(key) != crypto.key_len:
        raise ValueError("%d octets of key and salt" % len(key))
    policy = Policy(ssrc_type=ANY_INBOUND, rtp=crypto, rtcp=crypto, window_size=128)
    policy.key = key
    return policy


def opened(options, packets):
    policy = policy_of(options)
    session = ctypes.c_void_p()
    status = lib.srtp_create(ctypes.byref(session), ctypes.byref(policy))
    if status != 0:
        raise ValueError("srtp_create: %d" % status)
    out = []
    for packet in packets:
        octets = bytes.fromhex(packet)
        buffer = ctypes.create_string_buffer(octets, len(octets) + 64)
        length = ctypes.c_int(len(octets))
        status = lib.srtp_unprotect(session, buffer, ctypes.byref(length))
        out.append(buffer.raw[12 : length.value].hex() if status == 0 else None)
    lib.srtp_dealloc(session)
    return out


if lib.srtp_init() != 0:
    raise SystemExit("srtp_init failed")
json.dump([opened(each["options"], each["packets"]) for each in json.load(sys.stdin)], sys.stdout)
