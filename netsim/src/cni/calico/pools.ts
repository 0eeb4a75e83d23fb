/** IPPools: of their own kind in both API groups, or in the operator's Installation. */
import type { Cluster, Labels, OtherObject } from "../../model/types.ts";
import { lineOf, objectName } from "../../model/source.ts";
import { parseCalicoSelector } from "../../select/calico-selector.ts";
import { isV6, parseBlock, type Block } from "../address.ts";
import { fields, items, others, text, type Fields } from "../fields.ts";
import type { Fabric, Finding } from "../types.ts";

export type Mode = "Always" | "CrossSubnet" | "Never";

/** `vxlan` and `ipip`: at most one is not "Never". `by`: what in the object says it. */
export interface Pool {
  readonly name: string;
  readonly block: Block;
  readonly vxlan: Mode;
  readonly ipip: Mode;
  readonly blockSize: number;
  readonly natOutgoing: boolean;
  readonly disabled: boolean;
  readonly disableBGPExport: boolean;
  readonly uses: readonly string[];
  selects(node: Labels, namespace?: Labels): boolean;
  readonly object: OtherObject;
  readonly by: NonNullable<Fabric["by"]>;
}

interface Read {
  readonly pools: readonly Pool[];
  readonly findings: readonly Finding[];
}

const WORDS: Readonly<Record<string, { vxlan: Mode; ipip: Mode }>> = {
  none: { vxlan: "Never", ipip: "Never" },
  vxlan: { vxlan: "Always", ipip: "Never" },
  vxlancrosssubnet: { vxlan: "CrossSubnet", ipip: "Never" },
  ipip: { vxlan: "Never", ipip: "Always" },
  ipipcrosssubnet: { vxlan: "Never", ipip: "CrossSubnet" },
};

/**
 * `overrides`: fields of spec that count instead of each pool's (--set ippool.KEY=VALUE). `ranges`: the cluster's, of which the
 * operator makes a pool where its Installation names none.
 */
export function readPools(cluster: Cluster, overrides: Fields, ranges: readonly string[]): Read {
  const findings: Finding[] = [];
  const own = others(cluster, "IPPool")
    .filter((o) => /projectcalico\.org\//.test(o.apiVersion))
    .map((object) => ({
      object,
      spec: fields(object.spec),
      path: ["spec"] as (string | number)[],
      name: object.metadata.name,
      operator: false,
    }));
  const installed =
    own.length > 0 ? [] : others(cluster, "Installation").flatMap((o) => fromInstallation(o, ranges));
  const pools = [...own, ...installed].flatMap(({ object, spec, path, name, operator }) => {
    const pool = readPool({ ...spec, ...overrides }, name, object, path, operator, findings);
    return pool === undefined ? [] : [pool];
  });
  if (pools.length === 0 && Object.keys(overrides).length > 0)
    findings.push({
      severity: "warning",
      code: "no-pool",
      text: "--set ippool.*: there is no IPPool in the input",
    });
  return { pools, findings };
}

/** The operator's defaults: IP in IP, or VXLAN where BGP is off; the cluster's range, or 192.168.0.0/16. */
function fromInstallation(object: OtherObject, ranges: readonly string[]) {
  const network = fields(fields(object.spec)["calicoNetwork"]);
  const encapsulation = network["bgp"] === "Disabled" ? "VXLAN" : "IPIP";
  const own = ranges.length > 0 ? ranges : ["192.168.0.0/16"];
  const given = items(network["ipPools"]);
  const pools = given.length > 0 ? given : own.map((cidr) => ({ cidr }));
  return pools.map((pool, i) => {
    const spec: Fields = {
      ...(isV6(String(fields(pool)["cidr"])) ? {} : { encapsulation }),
      ...fields(pool),
    };
    const name = text(spec["name"]) ?? `default-ipv${isV6(String(spec["cidr"])) ? 6 : 4}-ippool`;
    const path: (string | number)[] = ["spec", "calicoNetwork", "ipPools", i];
    return { object, spec, path, name, operator: true };
  });
}

function readPool(
  spec: Fields,
  name: string,
  object: OtherObject,
  path: readonly (string | number)[],
  operator: boolean,
  findings: Finding[],
): Pool | undefined {
  const tell = (severity: Finding["severity"], code: string, message: string, field: string): void => {
    const line = lineOf(object.source, [...path, field]);
    findings.push({
      severity,
      code,
      text: message,
      object: objectName(object),
      file: object.source.file,
      line,
    });
  };
  const block = parseBlock(String(spec["cidr"] ?? ""));
  if (block === undefined) {
    tell(
      "error",
      "bad-pool",
      `IPPool ${name}: cidr ${JSON.stringify(spec["cidr"])} is no block of addresses`,
      "cidr",
    );
    return undefined;
  }
  const v6 = block.family === "IPv6";
  const modes = modesOf(spec);
  if (spec["encapsulation"] !== undefined && !operator)
    tell(
      "note",
      "pool-encapsulation",
      `IPPool ${name}: "encapsulation" is a field of the operator's Installation; an IPPool has vxlanMode and ipipMode, and the API server drops the field. It is read as it is meant: ${String(spec["encapsulation"])}`,
      "encapsulation",
    );
  if (modes === undefined) {
    tell("error", "bad-pool", `IPPool ${name}: an encapsulation that there is not`, "encapsulation");
    return undefined;
  }
  if (modes.vxlan !== "Never" && modes.ipip !== "Never") {
    tell("error", "bad-pool", `IPPool ${name}: vxlanMode and ipipMode cannot both be set`, "ipipMode");
    return undefined;
  }
  if (v6 && modes.ipip !== "Never") {
    tell("error", "bad-pool", `IPPool ${name}: there is no IP in IP for IPv6 pools`, "ipipMode");
    return undefined;
  }
  const blockSize = Number(spec["blockSize"] ?? (v6 ? 122 : 26));
  const [least, most] = v6 ? [116, 128] : [20, 32];
  if (!(blockSize >= least && blockSize <= most && blockSize >= block.bits)) {
    tell(
      "error",
      "bad-pool",
      `IPPool ${name}: blockSize ${blockSize} must be ${least} to ${most}, and no bigger a block than the pool (/${block.bits})`,
      "blockSize",
    );
    return undefined;
  }
  const select = (key: string) => {
    const selector = parseCalicoSelector(text(spec[key]) ?? "all()");
    if (typeof selector === "string") tell("error", "bad-pool", `IPPool ${name}: ${key}: ${selector}`, key);
    return typeof selector === "string" ? { matches: () => false } : selector;
  };
  const node = select("nodeSelector");
  const namespace = select("namespaceSelector");
  const key =
    modes.vxlan !== "Never" && "vxlanMode" in spec
      ? "vxlanMode"
      : modes.ipip !== "Never" && "ipipMode" in spec
        ? "ipipMode"
        : "encapsulation";
  const uses = items(spec["allowedUses"]).map(String);
  return {
    name,
    block,
    ...modes,
    blockSize,
    natOutgoing:
      spec["natOutgoing"] === true ||
      spec["natOutgoing"] === "Enabled" ||
      (operator && spec["natOutgoing"] === undefined),
    disabled: spec["disabled"] === true,
    disableBGPExport: spec["disableBGPExport"] === true,
    uses: uses.length === 0 ? ["Workload", "Tunnel"] : uses,
    selects: (labels, space) => node.matches(labels) && (space === undefined || namespace.matches(space)),
    object,
    by: { object, path: [...path, key], rule: `${key}: ${text(spec[key]) ?? "None"}` },
  };
}

/** vxlanMode and ipipMode where they say something, else the word. */
function modesOf(spec: Fields): { vxlan: Mode; ipip: Mode } | undefined {
  const mode = (key: string): Mode =>
    (["Always", "CrossSubnet"] as const).find((m) => m.toLowerCase() === text(spec[key])?.toLowerCase()) ??
    "Never";
  const vxlan = mode("vxlanMode");
  const ipip = mode("ipipMode");
  if (vxlan !== "Never" || ipip !== "Never") return { vxlan, ipip };
  const word = text(spec["encapsulation"]) ?? "None";
  return WORDS[word.toLowerCase()];
}
