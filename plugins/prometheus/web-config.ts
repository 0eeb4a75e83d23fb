/** The web configuration file of Prometheus' exporters, as far as it is about TLS (exporter-toolkit, "web-configuration"). */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import yaml from "js-yaml";
import { SetupError, type TlsOptions } from "../../src/plugin.ts";

interface WebConfig {
  readonly tls_server_config?: Readonly<Record<string, unknown>>;
  readonly [other: string]: unknown;
}

/** What of `tls_server_config` says whether clients need a certificate, and whether it is checked. */
const CLIENT_AUTH: Readonly<Record<string, readonly [requestCert: boolean, rejectUnauthorized: boolean]>> = {
  NoClientCert: [false, false],
  RequestClientCert: [true, false],
  RequireAnyClientCert: [true, false],
  VerifyClientCertIfGiven: [true, false],
  RequireAndVerifyClientCert: [true, true],
};

/** Reads `path`, which messages call `name`. Names of files in it are relative to it. Throws a SetupError. */
export function readWebConfig(path: string, name: string): TlsOptions {
  let parsed: WebConfig;
  try {
    parsed = (yaml.load(readFileSync(path, "utf8")) ?? {}) as WebConfig;
  } catch (error) {
    throw new SetupError(`${name}: ${(error as Error).message.split("\n")[0]}`);
  }
  const other = Object.keys(parsed).find((key) => key !== "tls_server_config");
  if (other !== undefined)
    throw new SetupError(`${name}: ${other} is not built yet: only tls_server_config is read`);
  const tls = parsed.tls_server_config ?? {};
  const text = (key: string): string | undefined => {
    const file = tls[key];
    if (file === undefined) return undefined;
    try {
      return readFileSync(resolve(dirname(path), String(file)), "utf8");
    } catch {
      throw new SetupError(`${name}: ${key}: can't read ${String(file)}`);
    }
  };
  const cert = text("cert_file");
  const key = text("key_file");
  if (cert === undefined || key === undefined)
    throw new SetupError(`${name}: tls_server_config needs cert_file and key_file`);
  const ca = text("client_ca_file");
  const wanted = String(
    tls["client_auth_type"] ?? (ca === undefined ? "NoClientCert" : "RequireAndVerifyClientCert"),
  );
  const auth = CLIENT_AUTH[wanted];
  if (auth === undefined) {
    throw new SetupError(
      `${name}: client_auth_type "${wanted}" is none of ${Object.keys(CLIENT_AUTH).join(", ")}`,
    );
  }
  const [requestCert, rejectUnauthorized] = auth;
  return { cert, key, ...(ca === undefined ? {} : { ca }), requestCert, rejectUnauthorized };
}

/** The lines that exporters print when such a page is open: what reads logs may wait for them. */
export function webLines(address: string): string[] {
  const time = `time=${new Date().toISOString()} level=INFO`;
  return [
    `${time} msg="Listening on" address=${address}`,
    `${time} msg="TLS is enabled." http2=true address=${address}`,
  ];
}
