import { existsSync, readFileSync } from "node:fs";
import { connect, createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import { connectOptions, type Dialer } from "./stream.ts";

/** How upstreams are to prove themselves, and we to them. */
export interface TlsSettings {
  /** The name that the certificate must have; undefined: the address that is connected to. */
  readonly serverName: string | undefined;
  readonly context: SecureContext;
}

/** Where systems keep the certificates that they trust: Go's list, so that what worked with CoreDNS works. */
const SYSTEM_ROOTS = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/tls/cacert.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/**
 * What the files of a `tls` line make: none, CA, CERT KEY, or CERT KEY CA. Without a CA it is the system's certificates, or
 * Node's own where the system has none. Throws an Error that names the file.
 */
export function readTlsContext(files: readonly string[]): SecureContext {
  const [first, second, third] = files;
  const ca = files.length === 1 ? first : third;
  const [cert, key] = files.length > 1 ? [first!, second!] : [];
  const system = process.env["SSL_CERT_FILE"] ?? SYSTEM_ROOTS.find((file) => existsSync(file));
  const roots = ca ?? system;
  const options: SecureContextOptions = {
    minVersion: "TLSv1.2",
    ...(roots === undefined ? {} : { ca: read(roots) }),
    ...(cert === undefined ? {} : { cert: read(cert), key: read(key!) }),
  };
  try {
    return createSecureContext(options);
  } catch (error) {
    throw new Error(`the TLS files ${files.join(", ")} can't be used: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Error(`can't read the TLS file ${file}: ${(error as Error).message}`, { cause: error });
  }
}

/** TLS to one upstream. Sessions are resumed where the upstream allows it. `protocols`: for ALPN. */
export function tlsDialer({ serverName, context }: TlsSettings, protocols?: readonly string[]): Dialer {
  let session: Buffer | undefined;
  return {
    ready: "secureConnect",
    dial(target) {
      const socket = connect({
        ...connectOptions(target),
        secureContext: context,
        minVersion: "TLSv1.2",
        ...(serverName === undefined ? {} : { servername: serverName }),
        ...(session === undefined ? {} : { session }),
        ...(protocols === undefined ? {} : { ALPNProtocols: [...protocols] }),
      });
      socket.on("session", (ticket) => {
        session = ticket;
      });
      return socket;
    },
  };
}
