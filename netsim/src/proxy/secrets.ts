/** Private keys of Secrets: the model does not keep them, so they are read from their file when a listener needs one. */
import { createPrivateKey } from "node:crypto";
import { createSecureContext } from "node:tls";
import { load } from "js-yaml";
import { fields, list, text } from "../gateway/fields.ts";
import type { Fields } from "../gateway/fields.ts";
import type { Ref } from "../gateway/objects.ts";
import { sourceText } from "../model/source.ts";
import type { Cluster, Secret } from "../model/types.ts";
import type { KeyPair } from "./certificates.ts";

/** The certificate and key that a reference leads to; undefined when one of them is not there, or they do not fit. */
export function keyPairOf(cluster: Cluster, ref: Pick<Ref, "namespace" | "name">): KeyPair | undefined {
  const secret = cluster.secrets.find(
    ({ metadata }) => metadata.namespace === ref.namespace && metadata.name === ref.name,
  );
  if (secret?.certificate === undefined || !secret.hasKey) return undefined;
  const key = keyIn(secret);
  if (key === undefined) return undefined;
  try {
    createPrivateKey(key);
    createSecureContext({ cert: secret.certificate, key });
    return { certificate: secret.certificate, key };
  } catch {
    return undefined;
  }
}

function keyIn(secret: Secret): string | undefined {
  const written = sourceText(secret.source);
  if (written === undefined) return undefined;
  let value: unknown;
  try {
    value = load(written);
  } catch {
    return undefined;
  }
  const object = within(value, secret.source.path ?? []);
  const plain = text(fields(object["stringData"])["tls.key"]);
  const coded = text(fields(object["data"])["tls.key"]);
  return plain ?? (coded === undefined ? undefined : Buffer.from(coded, "base64").toString("utf8"));
}

/** An object inside a List. */
const within = (value: unknown, path: readonly (string | number)[]): Fields =>
  fields(
    path.reduce<unknown>((at, part) => (typeof part === "number" ? list(at)[part] : fields(at)[part]), value),
  );
