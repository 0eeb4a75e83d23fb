/** The options that say how a network is made, for all commands that follow packets. */
import { readFileSync } from "node:fs";
import { load } from "js-yaml";
import { parseBlock } from "../cni/address.ts";
import type { NetworkOptions } from "../cni/network.ts";
import { settingsOf } from "../cni/settings.ts";
import { CNIS } from "../cni/types.ts";
import { choice, UsageError, type readArgs } from "./usage.ts";

/** What says how the network is set up, beside the files. */
export const NETWORK_OPTIONS = {
  cni: { type: "string" },
  set: { type: "string", multiple: true },
  values: { type: "string", multiple: true },
  mtu: { type: "string", multiple: true },
  "wire-mtu": { type: "string" },
  subnet: { type: "string", multiple: true },
  "cluster-cidr": { type: "string" },
  "service-cidr": { type: "string" },
} as const;

export type NetworkValues = ReturnType<typeof readArgs<typeof NETWORK_OPTIONS>>["values"];

export function networkOptions(values: NetworkValues): NetworkOptions {
  const cni = choice("cni", values.cni, CNIS);
  const cards = cardMtus(values.mtu ?? []);
  const files = (values.values ?? []).map(valuesFile);
  const blocks = (option: string, given: readonly string[] | undefined): string[] | undefined =>
    given?.map((part) => {
      const block = parseBlock(part);
      if (block === undefined)
        throw new UsageError(`--${option}: ${part.trim()} is no block like 10.244.0.0/16`);
      return block.text;
    });
  const subnets = blocks("subnet", values.subnet);
  const clusterCidrs = blocks("cluster-cidr", values["cluster-cidr"]?.split(","));
  const serviceCidrs = blocks("service-cidr", values["service-cidr"]?.split(","));
  const [wrong] = settingsOf({}, values.set ?? []).wrong;
  if (wrong !== undefined) throw new UsageError(`--set ${wrong}: write key=value, as for Helm`);
  const wireMtu = values["wire-mtu"] === undefined ? undefined : octets("wire-mtu", values["wire-mtu"]);
  return {
    ...(cni !== undefined && { cni }),
    ...(values.set !== undefined && { set: values.set }),
    ...(files.length > 0 && { values: files.reduce(merged) }),
    ...cards,
    ...(wireMtu !== undefined && { wireMtu }),
    ...(subnets !== undefined && { subnets }),
    ...(clusterCidrs !== undefined && { clusterCidrs }),
    ...(serviceCidrs !== undefined && { serviceCidrs }),
  };
}

function octets(option: string, text: string): number {
  const value = Number(text);
  if (!(Number.isInteger(value) && value >= 68 && value <= 65_535))
    throw new UsageError(`--${option} ${text}: octets, 68 to 65535`);
  return value;
}

/** `9001` for all cards, `node-1=9001` for one. */
function cardMtus(given: readonly string[]): Pick<NetworkOptions, "mtu" | "mtus"> {
  const own = given.filter((g) => g.includes("=")).map((g) => g.split("=", 2) as [string, string]);
  const all = given.find((g) => !g.includes("="));
  return {
    ...(all !== undefined && { mtu: octets("mtu", all) }),
    ...(own.length > 0 && { mtus: Object.fromEntries(own.map(([node, mtu]) => [node, octets("mtu", mtu)])) }),
  };
}

function valuesFile(file: string): unknown {
  try {
    return load(readFileSync(file, "utf8")) ?? {};
  } catch (error) {
    throw new UsageError(`--values ${file}: ${(error as Error).message.split("\n")[0] ?? ""}`);
  }
}

/** As Helm merges values files: maps key by key, all else replaced by the later. */
function merged(a: unknown, b: unknown): unknown {
  const map = (v: unknown): v is Record<string, unknown> =>
    typeof v === "object" && v !== null && !Array.isArray(v);
  if (!map(a) || !map(b)) return b;
  return {
    ...a,
    ...Object.fromEntries(Object.entries(b).map(([k, v]) => [k, k in a ? merged(a[k], v) : v])),
  };
}
