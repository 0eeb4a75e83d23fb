/** Sizes of packets: the pods' MTU, what a tunnel adds, and what the network card takes. */
import { load } from "js-yaml";
import { fields, number, text } from "../../gateway/fields.ts";
import type { OtherObject } from "../../model/types.ts";
import type { Path } from "../../model/read.ts";
import type { Context } from "../context.ts";
import { fix, patch, set } from "../fix.ts";
import { evidence, placeOf } from "../place.ts";
import { CALICO_MTU } from "../sources.ts";
import type { Change, Check, Draft } from "../types.ts";

/** Octets that a tunnel puts around a packet, over IPv4 (the guide's table; RFC 7348, RFC 2003, WireGuard's whitepaper). */
const OVERHEAD = { none: 0, vxlan: 50, ipip: 20, geneve: 50, wireguard: 60 } as const;
type Tunnel = keyof typeof OVERHEAD;

interface Setting {
  readonly object: OtherObject;
  readonly path: Path;
  readonly name: string;
  readonly mtu: number;
  readonly tunnel: Tunnel;
  /** What says that there is this tunnel. */
  readonly because: { readonly object: OtherObject; readonly path: Path; readonly text: string };
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
  run: (context) =>
    [...calico(context), ...flannel(context)].flatMap((setting): Draft[] => {
      const { object, path, name, mtu, tunnel, because } = setting;
      const card = cardFor(mtu, context.options.nic);
      const overhead = OVERHEAD[tunnel];
      if (card === undefined || mtu + overhead <= card) return [];
      const fits = card - overhead;
      const said = context.options.nic === undefined ? "the smallest usual card for it" : "the nodes' card";
      return [
        {
          message: `${name} is ${mtu}, and with the ${overhead} octets of ${tunnel} a packet has ${mtu + overhead}: ${said} takes ${card}`,
          at: placeOf(object, path),
          subjects: [placeOf(object, path), placeOf(because.object, because.path)],
          evidence: [
            evidence(because.text, placeOf(because.object, because.path)),
            evidence(
              `pod ${mtu} + ${tunnel} ${overhead} = ${mtu + overhead} > card ${card}; ping -M do -s ${mtu - 28} from a pod to one on another node gets no answer, -s ${fits - 28} does`,
            ),
          ],
          fix: fix(`set ${name} to ${fits}`, setting.change(fits)),
          cause: name,
        },
      ];
    }),
};

const isOn = (mode: unknown): boolean => typeof mode === "string" && mode !== "Never" && mode !== "None";

/** FelixConfiguration's MTUs, for the tunnels that the pools use; the pods' one for the thickest of them. */
function calico(context: Context): readonly Setting[] {
  const pools = context.others("IPPool");
  const felix = context.others("FelixConfiguration").find((f) => f.metadata.name === "default");
  if (felix === undefined) return [];
  const spec = fields(felix.spec);
  const uses = (tunnel: "vxlan" | "ipip") =>
    pools.flatMap((pool) => {
      const own = fields(pool.spec);
      const mode = own[`${tunnel}Mode`];
      const word = text(own["encapsulation"]) ?? "";
      if (isOn(mode)) return [because(pool, ["spec", `${tunnel}Mode`], `${tunnel}Mode: ${String(mode)}`)];
      if (word.toLowerCase().startsWith(tunnel))
        return [because(pool, ["spec", "encapsulation"], `encapsulation: ${word}`)];
      return [];
    })[0];
  const wireguard =
    spec["wireguardEnabled"] === true
      ? because(felix, ["spec", "wireguardEnabled"], "wireguardEnabled: true")
      : undefined;
  const found: Setting[] = [];
  const add = (key: string, tunnel: Tunnel, why: Setting["because"] | undefined): void => {
    const mtu = number(spec[key]);
    // 0: Calico finds it out by itself.
    if (mtu === undefined || mtu === 0 || why === undefined) return;
    const path = ["spec", key];
    found.push({
      object: felix,
      path,
      name: key,
      mtu,
      tunnel,
      because: why,
      change: (to) => patch(felix, set(path, to)),
    });
  };
  const [vxlan, ipip] = [uses("vxlan"), uses("ipip")];
  add("vxlanMTU", "vxlan", vxlan);
  add("ipipMTU", "ipip", ipip);
  add("wireguardMTU", "wireguard", wireguard);
  if (vxlan !== undefined) add("mtu", "vxlan", vxlan);
  else if (ipip !== undefined) add("mtu", "ipip", ipip);
  return found;
}

const because = (object: OtherObject, path: Path, what: string): Setting["because"] => ({
  object,
  path,
  text: what,
});

/** `Backend.MTU` of flannel's net-conf.json. */
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
    const type = (text(backend["Type"]) ?? "vxlan").toLowerCase();
    const tunnel: Tunnel = type === "vxlan" || type === "ipip" || type === "wireguard" ? type : "none";
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
