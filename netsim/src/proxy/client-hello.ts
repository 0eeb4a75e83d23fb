/** The name that a TLS client asks for, from the first message of the handshake (RFC 8446, 4.1.2; RFC 6066, 3). */

/** `undefined`: more octets are needed. `name` is "" where the client sends none; `isTls` false: it is no ClientHello. */
export interface Hello {
  readonly isTls: boolean;
  readonly name: string;
}

const NOT_TLS: Hello = { isTls: false, name: "" };
const NAMELESS: Hello = { isTls: true, name: "" };
const [HANDSHAKE, CLIENT_HELLO, SERVER_NAME] = [22, 1, 0];
/** A ClientHello of a browser with post-quantum keys has about 2 kB. */
const MOST = 1 << 16;

export function readClientHello(bytes: Buffer): Hello | undefined {
  if (bytes.length > 0 && bytes[0] !== HANDSHAKE) return NOT_TLS;
  const message = handshakeOf(bytes);
  if (message === undefined) return bytes.length > MOST ? NOT_TLS : undefined;
  if (message[0] !== CLIENT_HELLO) return NOT_TLS;
  try {
    return { isTls: true, name: serverNameOf(message) };
  } catch {
    // Lengths that lead out of the message: the TLS stack will say what is wrong with it.
    return NAMELESS;
  }
}

/** The handshake message, put together from its records. */
function handshakeOf(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  let [at, have, need] = [0, 0, Infinity];
  while (have < need) {
    if (bytes.length < at + 5) return undefined;
    const length = bytes.readUInt16BE(at + 3);
    if (bytes.length < at + 5 + length || length === 0) return undefined;
    parts.push(bytes.subarray(at + 5, at + 5 + length));
    [at, have] = [at + 5 + length, have + length];
    if (need === Infinity && have >= 4) need = 4 + Buffer.concat(parts).readUIntBE(1, 3);
  }
  return Buffer.concat(parts);
}

/** Throws RangeError where a length leads out of the message. */
function serverNameOf(message: Buffer): string {
  // Type, length, version and random; then session id, cipher suites, compression methods.
  let at = 4 + 2 + 32;
  at += 1 + message.readUInt8(at);
  at += 2 + message.readUInt16BE(at);
  at += 1 + message.readUInt8(at);
  const end = at + 2 + message.readUInt16BE(at);
  at += 2;
  while (at + 4 <= end) {
    const [type, length] = [message.readUInt16BE(at), message.readUInt16BE(at + 2)];
    if (type === SERVER_NAME) {
      const size = message.readUInt16BE(at + 7);
      return message
        .subarray(at + 9, at + 9 + size)
        .toString("latin1")
        .toLowerCase();
    }
    at += 4 + length;
  }
  return "";
}
