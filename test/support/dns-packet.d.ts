/** What the tests use of dns-packet 5.6, which comes without types. */
declare module "dns-packet" {
  interface Question {
    name: string;
    type: string;
    class?: string;
  }
  interface EdnsOption {
    code: number | string;
    type?: string;
    data?: Buffer;
    [field: string]: unknown;
  }
  interface RecordPacket {
    name: string;
    type: string;
    class?: string;
    ttl?: number;
    flush?: boolean;
    data?: unknown;
    /** Of an OPT record. */
    udpPayloadSize?: number;
    extendedRcode?: number;
    ednsVersion?: number;
    flags?: number;
    flag_do?: boolean;
    options?: EdnsOption[];
  }
  interface Packet {
    id?: number;
    type?: "query" | "response";
    flags?: number;
    opcode?: string;
    rcode?: string;
    flag_qr?: boolean;
    flag_aa?: boolean;
    flag_tc?: boolean;
    flag_rd?: boolean;
    flag_ra?: boolean;
    flag_ad?: boolean;
    flag_cd?: boolean;
    questions?: Question[];
    answers?: RecordPacket[];
    authorities?: RecordPacket[];
    additionals?: RecordPacket[];
  }
  const packet: {
    encode(packet: Packet): Buffer;
    decode(message: Buffer): Required<Packet>;
    streamEncode(packet: Packet): Buffer;
    streamDecode(message: Buffer): Required<Packet>;
  };
  export default packet;
}
