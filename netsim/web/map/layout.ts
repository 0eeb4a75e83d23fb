/** Where everything stands: boxes in boxes, every pod the same size, so that nothing moves but by what is shown. */
import type { MapView } from "../../src/map/view.ts";

export type Grouping = "node" | "namespace";

export interface Item {
  readonly kind: "pod" | "service" | "policy";
  /** Place in the view's list of its kind. */
  readonly at: number;
}

export interface Box {
  readonly kind: "root" | "group" | "sub" | Item["kind"];
  readonly label: string;
  /** Namespace that gives the colour; -1: none. */
  readonly namespace: number;
  /** What a leaf stands for. */
  readonly item?: Item;
  readonly children: readonly Box[];
  /** In the map's own units; absolute. */
  x: number;
  y: number;
  readonly width: number;
  readonly height: number;
}

export const CELL = { width: 96, height: 30, gap: 4 } as const;
const HEADER = { root: 0, group: 30, sub: 20 } as const;
const PAD = { root: 0, group: 8, sub: 4 } as const;
const GAP = { root: 22, group: 8, sub: CELL.gap } as const;

type Branch = keyof typeof HEADER;

interface Rows {
  readonly places: readonly (readonly [x: number, y: number])[];
  readonly width: number;
  readonly height: number;
}

/** Boxes one after the other, in rows that are not wider than `room`. */
function inRows(boxes: readonly Box[], gap: number, room: number): Rows {
  let [x, y, row, width] = [0, 0, 0, 0];
  const places = boxes.map((box) => {
    if (x > 0 && x + box.width > room) [x, y, row] = [0, y + row + gap, 0];
    const place = [x, y] as const;
    x += box.width + gap;
    row = Math.max(row, box.height);
    width = Math.max(width, x - gap);
    return place;
  });
  return { places, width, height: y + row };
}

/** Rows as long as is best for a space `aspect` times as wide as high. */
function bestRows(boxes: readonly Box[], gap: number, aspect: number): Rows {
  const area = boxes.reduce((sum, b) => sum + (b.width + gap) * (b.height + gap), 0);
  const widest = Math.max(CELL.width, ...boxes.map((b) => b.width));
  const tries = [0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2].map((f) =>
    inRows(boxes, gap, Math.max(widest, f * Math.sqrt(area * aspect))),
  );
  const need = ({ width, height }: Rows): number => Math.max(width, height * aspect);
  return tries.reduce((best, one) => (need(one) < need(best) ? one : best));
}

/** A box around others. */
function around(
  kind: Branch,
  label: string,
  namespace: number,
  children: readonly Box[],
  aspect: number,
): Box {
  const [pad, gap, header] = [PAD[kind], GAP[kind], HEADER[kind]];
  // Leaves in their order; boxes by height, so that rows waste little.
  const inOrder = kind === "sub" ? children : [...children].sort((a, b) => b.height - a.height);
  const { places, width, height } = bestRows(inOrder, gap, aspect);
  for (const [i, [x, y]] of places.entries()) move(inOrder[i]!, pad + x, header + pad + y);
  const inside = Math.max(width, CELL.width);
  return {
    kind,
    label,
    namespace,
    children,
    x: 0,
    y: 0,
    width: inside + 2 * pad,
    height: header + 2 * pad + height,
  };
}

function move(box: Box, dx: number, dy: number): void {
  box.x += dx;
  box.y += dy;
  for (const child of box.children) move(child, dx, dy);
}

const leaf = (kind: Item["kind"], at: number, label: string, namespace: number): Box => ({
  kind,
  label,
  namespace,
  item: { kind, at },
  children: [],
  x: 0,
  y: 0,
  width: CELL.width,
  height: CELL.height,
});

/** `shown`: the namespaces that are to be seen; `aspect`: of the space there is. */
export function layout(
  view: MapView,
  by: Grouping,
  shown: (namespace: number) => boolean,
  aspect: number,
): Box {
  const pods = view.pods.flatMap((p, i) => (shown(p.namespace) ? [leaf("pod", i, p.name, p.namespace)] : []));
  const services = view.services.flatMap((s, i) =>
    shown(s.namespace) ? [leaf("service", i, s.name, s.namespace)] : [],
  );
  const policies = view.policies.flatMap((p, i) =>
    p.namespace < 0 || shown(p.namespace) ? [leaf("policy", i, p.name, p.namespace)] : [],
  );
  const groups =
    by === "node" ? byNode(view, pods, services, policies) : byNamespace(view, pods, services, policies);
  return around("root", "", -1, groups, aspect);
}

const SUB_ASPECT = 1.6;
const named = (view: MapView, namespace: number): string => view.namespaces[namespace] ?? "whole cluster";

function bySpace(view: MapView, leaves: readonly Box[]): Box[] {
  const spaces = Map.groupBy(leaves, (l) => l.namespace);
  return [...spaces]
    .sort(([a], [b]) => a - b)
    .map(([ns, of]) => around("sub", named(view, ns), ns, of, SUB_ASPECT));
}

function byNode(
  view: MapView,
  pods: readonly Box[],
  services: readonly Box[],
  policies: readonly Box[],
): Box[] {
  const onNode = Map.groupBy(pods, (p) => view.pods[p.item!.at]!.node);
  const nodes = [...view.nodes.keys(), -1].flatMap((node) => {
    const of = onNode.get(node) ?? [];
    if (of.length === 0 && node < 0) return [];
    return [around("group", view.nodes[node]?.name ?? "on no node", -1, bySpace(view, of), SUB_ASPECT)];
  });
  const beside = [
    ["Services", services],
    ["Policies", policies],
  ] as const;
  return [
    ...nodes,
    ...beside.flatMap(([label, of]) =>
      of.length === 0 ? [] : [around("group", label, -1, bySpace(view, of), SUB_ASPECT)],
    ),
  ];
}

function byNamespace(view: MapView, ...kinds: readonly (readonly Box[])[]): Box[] {
  const labels = ["Pods", "Services", "Policies"];
  const spaces = new Set(kinds.flat().map((l) => l.namespace));
  return [...spaces]
    .sort((a, b) => a - b)
    .map((ns) => {
      const inside = kinds.flatMap((of, i) => {
        const here = of.filter((l) => l.namespace === ns);
        return here.length === 0 ? [] : [around("sub", labels[i]!, ns, here, SUB_ASPECT)];
      });
      return around("group", named(view, ns), ns, inside, SUB_ASPECT);
    });
}
