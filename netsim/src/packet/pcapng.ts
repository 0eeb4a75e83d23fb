/**
 * A capture file in the pcapng format (draft-ietf-opsawg-pcapng): Wireshark and tcpdump read it. One interface for each device.
 * All have the link type Ethernet, for libpcap takes no file with several: packets of devices that have no Ethernet header get
 * one of zeros, as their interface's description says.
 */
import { concat, fields, text, type Bytes } from "./bytes.ts";

export interface Interface {
  readonly name: string;
  readonly description: string;
}

/** `time` in nanoseconds since 1970; `bytes` an Ethernet frame. */
export interface Captured {
  readonly interface: number;
  readonly time: bigint;
  readonly bytes: Bytes;
  readonly comment?: string;
}

const LINKTYPE_ETHERNET = 1;
const SNAPLEN = 262144;
const OPTION = { end: 0, comment: 1, name: 2, description: 3, application: 4, resolution: 9 } as const;

const padded = (bytes: Bytes): Bytes => concat(bytes, new Uint8Array((4 - (bytes.length % 4)) % 4));

const option = (code: number, value: Bytes): Bytes =>
  concat(fields([code, 2], [value.length, 2]), padded(value));

function options(...list: readonly Bytes[]): Bytes {
  return list.length === 0 ? new Uint8Array() : concat(...list, fields([OPTION.end, 2], [0, 2]));
}

function block(type: number, body: Bytes): Bytes {
  const length = 12 + body.length;
  return concat(fields([type, 4], [length, 4]), body, fields([length, 4]));
}

/** Big-endian, as the byte-order magic says; timestamps in nanoseconds. */
export function pcapng(interfaces: readonly Interface[], packets: readonly Captured[]): Bytes {
  const section = block(
    0x0a0d0d0a,
    concat(
      fields([0x1a2b3c4d, 4], [1, 2], [0, 2], [0xffffffff, 4], [0xffffffff, 4]),
      options(option(OPTION.application, text("netsim"))),
    ),
  );
  const described = interfaces.map(({ name, description }) =>
    block(
      1,
      concat(
        fields([LINKTYPE_ETHERNET, 2], [0, 2], [SNAPLEN, 4]),
        options(
          option(OPTION.name, text(name)),
          option(OPTION.description, text(description)),
          option(OPTION.resolution, fields([9, 1])),
        ),
      ),
    ),
  );
  const written = packets.map(({ interface: id, time, bytes, comment }) =>
    block(
      6,
      concat(
        fields(
          [id, 4],
          [Number(time >> 32n), 4],
          [Number(time & 0xffffffffn), 4],
          [bytes.length, 4],
          [bytes.length, 4],
        ),
        padded(bytes),
        comment === undefined ? new Uint8Array() : options(option(OPTION.comment, text(comment))),
      ),
    ),
  );
  return concat(section, ...described, ...written);
}
