/** Sizes of packets: the pods' MTU, what a tunnel adds, and what the network card takes. */
import { load } from "js-yaml";
import { fields, list, number, text } from "../../gateway/fields.ts";
import type { KubeObject } from "../../model/types.ts";
import type { Path } from "../../model/read.ts";
import type { Context } from "../context.ts";
import { fix, patch, set } from "../fix.ts";
import { clusterPlace, evidence, placeOf } from "../place.ts";
import { CALICO_MTU } from "../sources.ts";
import type { Change, Check, Draft, Evidence } from "../types.ts";
import { sampleFit, type SampleFit } from "./network.ts";

/** Octets that a tunnel puts around a packet, over IPv4 (the guide's table; RFC 7348, RFC 2003, WireGuard's whitepaper). */
const OVERHEAD = { none: 0, vxlan: 50, ipip: 20, geneve: 50, wireguard: 60 } as const;
type Tunnel = keyof typeof OVERHEAD;

interface Setting {
  readonly object: KubeObject;
  readonly path: Path;
  readonly name: string;
  readonly mtu: number;
  readonly tunnel: Tunnel;
  /** What says that there is this tunnel. */
  readonly because: { readonly object: KubeObject; readonly path: Path; readonly text: string };
  change(mtu: number): Change;
}

/** Cards as they come: Ethernet, jumbo frames, AWS' jumbo frames. */
const USUAL_CARDS = [1500, 9000, 9001];

/** The smallest card on which pods may have such an MTU at all. */
const cardFor = (mtu: number, given: number | undefined): number | undefined =>
  given ?? USUAL_CARDS.find((card) => card >= mtu);

export const mtuMismatch: Check = {
  id: "NS/mtu",
  title: "Pods' packets are too large for the tunnel",
  severity: "error",
  why: "A tunnel adds its headers to every packet. Where pods may send packets that do not fit the card with them, large ones are fragmented or vanish (where ICMP is filtered): small requests work, and large answers hang.",
  sources: [CALICO_MTU],
  run: (context) => {
    const settings = [...calico(context), ...flannel(context)];
    const written = settings.flatMap((setting) => draftOf(context, setting));
    return written.length > 0 ? written : blackHole(context, settings);
  },
};

function draftOf(context: Context, setting: Setting): Draft[] {
  const { object, path, name, mtu, tunnel, because } = setting;
  const card = cardFor(mtu, context.options.nic);
  const overhead = OVERHEAD[tunnel];
  if (card === undefined || mtu + overhead <= card) return [];
  // What just fills some card was reckoned for it.
  if (context.options.nic === undefined && USUAL_CARDS.includes(mtu + overhead)) return [];
  const fits = card - overhead;
  const said = context.options.nic === undefined ? "the smallest usual card for it" : "the nodes' card";
  const fit = sampleFit(context, card);
  return [
    {
      message: `${name} is ${mtu}, and with the ${overhead} octets of ${tunnel} a packet has ${mtu + overhead}: ${said} takes ${card}`,
      at: placeOf(object, path),
      subjects: [placeOf(object, path), placeOf(because.object, because.path)],
      evidence: [
        evidence(because.text, placeOf(because.object, because.path)),
        evidence(`pods ${mtu} + ${tunnel} ${overhead} = ${mtu + overhead} > card ${card}`),
        ...(fit === undefined ? [] : [pingEvidence(fit)]),
      ],
      fix: fix(`set ${name} to ${fits}`, setting.change(fits)),
      cause: name,
    },
  ];
}

/** Of a packet that is too large, what the model's devices make of it: fragments around it, or silence. */
function pingEvidence({ from, to, largest, whole, blackHole }: SampleFit): Evidence {
  const way = `${from} to ${to}`;
  if (blackHole !== undefined)
    return evidence(
      `${way}: packets of ${blackHole.from} to ${blackHole.to} octets vanish without a word; ping -M do -s ${largest - 28} is the largest that is answered`,
    );
  return evidence(
    whole < largest
      ? `${way}: packets of more than ${whole} octets go in two fragments, and are lost wherever fragments are filtered`
      : `${way}: packets of more than ${largest} octets are refused, and the sender is told`,
  );
}

/** Sizes that pods may send and that are lost on the way, whatever it is that makes them too large. */
function blackHole(context: Context, settings: readonly Setting[]): readonly Draft[] {
  const fit = sampleFit(context, context.options.nic ?? cardOf(context, settings));
  if (fit?.blackHole === undefined) return [];
  const { chain, tightest, blackHole: hole } = fit;
  return [
    {
      message: `packets of ${hole.from} to ${hole.to} octets from ${fit.from} to ${fit.to} vanish: ${tightest?.device ?? "a device"} of ${tightest?.node ?? "the way"} has no room for them`,
      at: clusterPlace(context.given),
      evidence: [
        evidence(
          chain.map((s) => `${s.device} ${s.mtu}${s.overhead === 0 ? "" : ` (- ${s.overhead})`}`).join(" > "),
        ),
        pingEvidence(fit),
      ],
      fix: fix(`give pods an MTU of ${fit.largest} at most, in the CNI's configuration`),
      cause: "path",
    },
  ];
}

/** The cards that all settings were made for: the smallest usual ones on which they fit. */
function cardOf(context: Context, settings: readonly Setting[]): number {
  const cilium = context.others("ConfigMap").find((m) => m.metadata.name === "cilium-config");
  const sizes = [
    ...settings.map(({ mtu, tunnel }) => mtu + OVERHEAD[tunnel]),
    Number(fields(cilium?.data)["mtu"] ?? 0),
  ];
  return Math.max(...sizes.map((size) => cardFor(size, undefined) ?? size), USUAL_CARDS[0] ?? 0);
}

const isOn = (mode: unknown): boolean => typeof mode === "string" && mode !== "Never" && mode !== "None";

type Because = Setting["because"];
const because = (object: KubeObject, path: Path, what: string): Because => ({ object, path, text: what });

/** What says that Calico uses a tunnel: a pool, the operator's Installation, or calico-node's environment for the first pool. */
function calicoTunnel(context: Context, tunnel: "vxlan" | "ipip"): Because | undefined {
  const said = (object: KubeObject, spec: ReturnType<typeof fields>, path: Path): Because | undefined => {
    const mode = spec[`${tunnel}Mode`];
    const word = text(spec["encapsulation"]) ?? "";
    if (isOn(mode)) return because(object, [...path, `${tunnel}Mode`], `${tunnel}Mode: ${String(mode)}`);
    return word.toLowerCase().startsWith(tunnel)
      ? because(object, [...path, "encapsulation"], `encapsulation: ${word}`)
      : undefined;
  };
  const pools = context.others("IPPool");
  const found = pools.flatMap((pool) => said(pool, fields(pool.spec), ["spec"]) ?? []);
  const installed = context
    .others("Installation")
    .flatMap((o) =>
      list(fields(fields(o.spec)["calicoNetwork"])["ipPools"]).flatMap(
        (pool, i) => said(o, fields(pool), ["spec", "calicoNetwork", "ipPools", i]) ?? [],
      ),
    );
  const name = `CALICO_IPV4POOL_${tunnel.toUpperCase()}`;
  const started = context.given.workloads.flatMap((w) =>
    w.spec.template.spec.containers.flatMap((c, i) =>
      (c.env ?? []).flatMap(({ name: own, value, index }) =>
        own === name && isOn(value)
          ? because(w, ["spec", "template", "spec", "containers", i, "env", index], `${name}: ${value}`)
          : [],
      ),
    ),
  );
  return found[0] ?? installed[0] ?? (pools.length === 0 ? started[0] : undefined);
}

/** MTUs of Felix for each tunnel, and those for pods (of Felix, the operator, calico-config) with the thickest tunnel in use. */
function calico(context: Context): readonly Setting[] {
  const felix = context.others("FelixConfiguration").find((f) => f.metadata.name === "default");
  const spec = fields(felix?.spec);
  const used: readonly (readonly [Tunnel, Because | undefined])[] = [
    [
      "wireguard",
      felix !== undefined && spec["wireguardEnabled"] === true
        ? because(felix, ["spec", "wireguardEnabled"], "wireguardEnabled: true")
        : undefined,
    ],
    ["vxlan", calicoTunnel(context, "vxlan")],
    ["ipip", calicoTunnel(context, "ipip")],
  ];
  const found: Setting[] = [];
  const add = (
    object: KubeObject,
    path: Path,
    written: unknown,
    tunnel: Tunnel,
    why: Because | undefined,
  ): void => {
    const mtu = Number(written);
    // 0: Calico finds it out by itself.
    if (!(mtu > 0) || why === undefined) return;
    const name = String(path.at(-1));
    const kept = (to: number): unknown => (typeof written === "string" ? String(to) : to);
    const change = (to: number): Change => patch(object, set(path, kept(to)));
    found.push({ object, path, name, mtu, tunnel, because: why, change });
  };
  const thickest = used.find(([, why]) => why !== undefined);
  const forPods = (object: KubeObject, path: Path, written: unknown): void => {
    if (thickest !== undefined) add(object, path, written, ...thickest);
  };
  if (felix !== undefined) {
    for (const [tunnel, why] of used) {
      const key = `${tunnel}MTU`;
      add(felix, ["spec", key], spec[key], tunnel, why);
    }
    forPods(felix, ["spec", "mtu"], spec["mtu"]);
  }
  for (const o of context.others("Installation"))
    forPods(o, ["spec", "calicoNetwork", "mtu"], fields(fields(o.spec)["calicoNetwork"])["mtu"]);
  for (const map of context.others("ConfigMap"))
    if (map.metadata.name === "calico-config")
      forPods(map, ["data", "veth_mtu"], fields(map.data)["veth_mtu"]);
  return found;
}

/** `Backend.MTU` of flannel's net-conf.json: the cards' own, from which it takes what the tunnel needs. */
function flannel(context: Context): readonly Setting[] {
  return context.others("ConfigMap").flatMap((map): Setting[] => {
    const path = ["data", "net-conf.json"];
    const conf = text(fields(map.data)["net-conf.json"]);
    if (conf === undefined) return [];
    let parsed: ReturnType<typeof fields>;
    try {
      parsed = fields(load(conf));
    } catch {
      return [];
    }
    const backend = fields(parsed["Backend"]);
    const mtu = number(backend["MTU"]);
    const tunnel: Tunnel = "none";
    const type = text(backend["Type"]) ?? "vxlan";
    if (mtu === undefined || mtu === 0) return [];
    const change = (to: number): Change =>
      patch(map, set(path, `${JSON.stringify({ ...parsed, Backend: { ...backend, MTU: to } }, null, 2)}\n`));
    return [
      {
        object: map,
        path,
        name: "Backend.MTU",
        mtu,
        tunnel,
        because: because(map, path, `Backend.Type: ${type}`),
        change,
      },
    ];
  });
}
