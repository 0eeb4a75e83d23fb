/** What is said of the selected item, and what can be asked about it. */
import type { Reach } from "../../src/map/reach.ts";
import type { MapView } from "../../src/map/view.ts";
import { button, h } from "./dom.ts";
import type { Item } from "./layout.ts";
import { related } from "./state.ts";

export interface Actions {
  select(item: Item): void;
  setEnd(end: "from" | "to", text: string): void;
  reach(pod: number, direction: keyof Reach): void;
}

const MOST_LISTED = 200;

export const idOf = (view: MapView, { kind, at }: Item): string =>
  kind === "pod"
    ? view.pods[at]!.id
    : kind === "service"
      ? `Service ${view.services[at]!.id}`
      : view.policies[at]!.id;

/** What a trace is asked for when the item is its destination. */
export function goalOf(view: MapView, { kind, at }: Item): string | undefined {
  if (kind === "policy") return undefined;
  const { ports } = kind === "pod" ? view.pods[at]! : view.services[at]!;
  const [port = "80/TCP"] = [...ports].sort((a, b) => Number(b.endsWith("TCP")) - Number(a.endsWith("TCP")));
  const shown = port.replace(/\/TCP$/, "");
  if (kind === "pod") return `${view.pods[at]!.id}:${shown}`;
  const [namespace, name] = view.services[at]!.id.split("/");
  return `${name}.${namespace}:${shown}`;
}

export function details(view: MapView, item: Item, actions: Actions): Node[] {
  const { kind, at } = item;
  if (kind === "pod") return podDetails(view, at, actions);
  const facts = kind === "service" ? serviceFacts(view, at) : policyFacts(view, at);
  const goal = goalOf(view, item);
  return [
    h("h2", {}, idOf(view, item)),
    list(facts),
    ...(goal === undefined
      ? []
      : [
          h(
            "div",
            { class: "row" },
            button("Trace to here", () => actions.setEnd("to", goal)),
          ),
        ]),
    ...items(view, "Pods that it selects", related(view, item), actions, "It selects no pod."),
  ];
}

function podDetails(view: MapView, at: number, actions: Actions): Node[] {
  const pod = view.pods[at]!;
  const item: Item = { kind: "pod", at };
  const others = related(view, item);
  return [
    h("h2", {}, pod.id),
    list([
      ["Node", view.nodes[pod.node]?.name ?? ""],
      ["Address", pod.address],
      ["Ports", pod.ports.join(" ")],
      ["State", pod.phase],
      ["Labels", pod.labels],
      ["Written in", pod.place],
    ]),
    h(
      "div",
      { class: "row" },
      button("Trace from here", () => actions.setEnd("from", pod.id)),
      button("Trace to here", () => actions.setEnd("to", goalOf(view, item)!)),
      button("Whom it reaches", () => actions.reach(at, "to")),
      button("Who reaches it", () => actions.reach(at, "from")),
    ),
    ...items(
      view,
      "Services that select it",
      others.filter((o) => o.kind === "service"),
      actions,
      "No Service selects it.",
    ),
    ...items(
      view,
      "Policies that select it",
      others.filter((o) => o.kind === "policy"),
      actions,
      "No policy selects it: everything is allowed.",
    ),
  ];
}

type Facts = readonly (readonly [name: string, value: string])[];

function serviceFacts(view: MapView, at: number): Facts {
  const { type, address, ports, selector, place } = view.services[at]!;
  return [
    ["Type", type],
    ["Address", address],
    ["Ports", ports.join(" ")],
    ["Selector", selector],
    ["Written in", place],
  ];
}

function policyFacts(view: MapView, at: number): Facts {
  const { kind, directions, place } = view.policies[at]!;
  return [
    ["Kind", kind],
    ["Rules for", directions.join(" and ")],
    ["Written in", place],
  ];
}

const list = (facts: Facts): HTMLElement =>
  h(
    "dl",
    {},
    ...facts
      .filter(([, value]) => value !== "")
      .flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
  );

function items(view: MapView, title: string, of: readonly Item[], actions: Actions, none: string): Node[] {
  if (of.length === 0) return [h("h3", {}, title), h("p", { class: "dim" }, none)];
  const rest = of.length - MOST_LISTED;
  return [
    h("h3", {}, `${title} (${of.length})`),
    h(
      "ul",
      {},
      ...of.slice(0, MOST_LISTED).map((item) => itemLine(view, item, actions)),
      ...(rest > 0 ? [h("li", { class: "dim" }, `and ${rest} more`)] : []),
    ),
  ];
}

export const itemLine = (view: MapView, item: Item, actions: Pick<Actions, "select">): HTMLElement =>
  h(
    "li",
    {},
    button(idOf(view, item), () => actions.select(item), { class: "link" }),
  );
