/** From pod to pod: over a node's bridge, through tunnels, and over routers that know the pods' ranges. */
import t from "tap";
import { json, readme } from "./console.ts";

readme(t, "02-pod-to-pod");

interface Link {
  readonly node: string;
  readonly kind: string;
  readonly tunnels: readonly {
    readonly kind: string;
    readonly source: string;
    readonly destination: string;
  }[];
}
const path = (to: string, ...files: string[]) =>
  json<{ path: { links: readonly Link[] } }>(
    "02-pod-to-pod",
    "cni",
    "path",
    "default/pod-a",
    to,
    "cluster.yaml",
    ...files,
  ).path.links;
interface Ping {
  readonly echoes: readonly {
    readonly outcome: string;
    readonly wire: readonly (readonly {
      readonly name: string;
      readonly octets: number;
      readonly scope: string;
    }[])[];
  }[];
}
const ping = (size: number, ...files: string[]) =>
  json<Ping>(
    "02-pod-to-pod",
    ...["ping", "default/pod-a", "default/pod-c", "cluster.yaml", ...files],
    ...["-M", "do", "-c", "1", "-s", String(size)],
  ).echoes[0]!;

t.test("the same node: veth pair, bridge, veth pair", (t) => {
  const links = path("default/pod-b");
  t.same(
    links.map((l) => l.kind),
    ["pod", "veth", "bridge", "veth", "pod"],
  );
  t.same([...new Set(links.map((l) => l.node))], ["node-1"]);
  t.end();
});

t.test("a pod's creation: sandbox, network namespace, ADD, veth, address, routes", (t) => {
  const { events } = json<{ events: { action: string }[] }>(
    "02-pod-to-pod",
    "cni",
    "create",
    "default/pod-a",
    "cluster.yaml",
  );
  const actions = events.map((e) => e.action);
  const order = ["CRI RunPodSandbox", "network namespace", "CNI ADD", "IPAM", "veth", "routes"].map((a) =>
    actions.indexOf(a),
  );
  t.same(
    order,
    order.toSorted((a, b) => a - b),
    actions.join(", "),
  );
  t.notOk(order.includes(-1));
  t.end();
});

t.test("VXLAN and IP in IP: outer addresses are the nodes', inner ones the pods'", (t) => {
  for (const [overlay, kind, octets] of [
    ["overlay-vxlan.yaml", "vxlan", 50],
    ["overlay-ipip.yaml", "ipip", 20],
  ] as const) {
    const wrapped = path("default/pod-c", overlay).filter((l) => l.tunnels.length > 0);
    t.match(wrapped[0]?.tunnels, [{ kind, source: "192.168.1.10", destination: "192.168.2.10" }]);
    const fits = ping(1500 - octets - 28, overlay);
    t.equal(fits.outcome, "reply", `${octets} octets of headers: ${1500 - octets} are left`);
    t.not(ping(1500 - octets - 27, overlay).outcome, "reply", "and not one more");
    const outer = fits.wire[0]!.filter((layer) => layer.scope === "outer");
    t.equal(
      outer.reduce((sum, layer) => sum + layer.octets, 0),
      octets,
      outer.map((layer) => layer.name).join(", "),
    );
  }
  t.end();
});

t.test("BGP: no tunnel, the whole MTU", (t) => {
  t.notOk(path("default/pod-c", "underlay.yaml").some((l) => l.tunnels.length > 0));
  t.equal(ping(1472, "underlay.yaml").outcome, "reply", "1472 + 28 = 1500");
  t.not(ping(1473, "underlay.yaml").outcome, "reply");
  t.end();
});
