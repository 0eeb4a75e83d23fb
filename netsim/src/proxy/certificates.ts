/** Certificates for listeners and backends whose Secret is not in the input: made here, by an authority of this process. */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { isIP } from "node:net";
import forge from "node-forge";

export interface KeyPair {
  /** PEM; the chain, the own certificate first. */
  readonly certificate: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

export interface Authority {
  /** PEM of the authority's own certificate, which clients may trust (`curl --cacert`). */
  readonly certificate: string;
  /** A certificate for these names and addresses, made once for the same list. URIs go into it as such. */
  issue(names: readonly string[]): KeyPair;
}

/** With line ends as everything else here has them. */
const pemOf = (certificate: forge.pki.Certificate): string =>
  forge.pki.certificateToPem(certificate).replaceAll("\r\n", "\n");

const YEAR = 365 * 24 * 3_600_000;

/** RSA of 2048 bits takes a tenth of a second: one key serves all that an authority issues. */
function newKeys() {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  return {
    key: privateKey,
    public: forge.pki.publicKeyFromPem(publicKey),
    private: forge.pki.privateKeyFromPem(privateKey),
  };
}

function blank(keys: ReturnType<typeof newKeys>, name: string) {
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = keys.public;
  // Positive, so that it is one octet string in DER (RFC 5280, 4.1.2.2).
  certificate.serialNumber = `01${randomBytes(15).toString("hex")}`;
  certificate.validity.notBefore = new Date(Date.now() - 3_600_000);
  certificate.validity.notAfter = new Date(Date.now() + YEAR);
  certificate.setSubject([{ name: "commonName", value: name.slice(0, 64) }]);
  return certificate;
}

/** Kinds of names in subjectAltName (RFC 5280, 4.2.1.6). */
function altName(name: string) {
  if (isIP(name) !== 0) return { type: 7, ip: name };
  return name.includes("://") ? { type: 6, value: name } : { type: 2, value: name };
}

export function createAuthority(name = "netsim"): Authority {
  const own = newKeys();
  const root = blank(own, `${name} authority`);
  root.setIssuer(root.subject.attributes);
  root.setExtensions([
    { name: "basicConstraints", cA: true, critical: true },
    { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
    { name: "subjectKeyIdentifier" },
  ]);
  root.sign(own.private, forge.md.sha256.create());
  const certificate = pemOf(root);
  let leaf: ReturnType<typeof newKeys> | undefined;
  const issued = new Map<string, KeyPair>();
  return {
    certificate,
    issue(names) {
      const id = names.join(" ");
      const known = issued.get(id);
      if (known !== undefined) return known;
      leaf ??= newKeys();
      const one = blank(leaf, names[0] ?? "localhost");
      one.setIssuer(root.subject.attributes);
      one.setExtensions([
        { name: "basicConstraints", cA: false },
        { name: "keyUsage", digitalSignature: true, keyEncipherment: true, critical: true },
        { name: "extKeyUsage", serverAuth: true, clientAuth: true },
        { name: "subjectAltName", altNames: names.map(altName) },
      ]);
      one.sign(own.private, forge.md.sha256.create());
      const pair = { certificate: pemOf(one) + certificate, key: leaf.key };
      if (issued.size > 1000) issued.clear();
      issued.set(id, pair);
      return pair;
    },
  };
}
