/** Parts of the panel: a trace, the namespaces to choose from. */
import type { Calls, Opened } from "../../src/map/protocol.ts";
import type { MapView } from "../../src/map/view.ts";
import type { Mode } from "../../src/service/index.ts";
import type { TraceOptions } from "../../src/trace/trace.ts";
import { readColors } from "./colors.ts";
import { button, byId, h } from "./dom.ts";
import type { Item } from "./layout.ts";

/** A trace hop by hop, and as `netsim trace --json` prints it. */
export function showTrace(
  pane: HTMLElement,
  title: string,
  { trace, article }: Calls["trace"]["answer"],
): void {
  // The engine has escaped what is not its own.
  pane.innerHTML = article;
  pane.dataset["verdict"] = trace.verdict;
  pane.prepend(h("h2", {}, title));
  const json = JSON.stringify(trace, null, 1);
  pane.append(
    h(
      "details",
      { class: "json" },
      h("summary", {}, "JSON"),
      button("Copy", () => void navigator.clipboard.writeText(json)),
      h("pre", { tabindex: "0" }, json),
    ),
  );
}

/** The choices of how a trace is made; the function reads what is chosen. */
export function showOptions({ modes, resolvers }: Opened): () => TraceOptions {
  const [mode, resolver] = [byId<HTMLSelectElement>("mode"), byId<HTMLSelectElement>("resolver")];
  const method = byId<HTMLInputElement>("method");
  mode.append(...modes.map((m) => h("option", {}, m)));
  resolver.append(...resolvers.map((r) => h("option", {}, r)));
  return () => ({
    ...(mode.value !== "" && { mode: mode.value as Mode }),
    ...(resolver.value !== "" && { resolver: resolver.value }),
    ...(method.value.trim() !== "" && { method: method.value.trim().toUpperCase() }),
  });
}

/** A box to tick for each namespace, with its colour; `changed` is called with what is hidden then. */
export function showSpaces(view: MapView, hidden: Set<number>, changed: () => void): void {
  const pane = byId("spaces").querySelector("div")!;
  const colors = readColors();
  const all = [...view.namespaces.keys()];
  const hide = (spaces: readonly number[]): void => {
    hidden.clear();
    for (const ns of spaces) hidden.add(ns);
    showSpaces(view, hidden, changed);
    changed();
  };
  pane.replaceChildren(
    h(
      "div",
      { class: "row" },
      button("All", () => hide([])),
      button("None", () => hide(all)),
    ),
    ...view.namespaces.map((name, ns) => {
      const tick = (event: Event): void => {
        if ((event.target as HTMLInputElement).checked) hidden.delete(ns);
        else hidden.add(ns);
        changed();
      };
      const swatch = h("span", { class: "swatch" });
      swatch.style.background = colors.fill(ns);
      const box = h("input", { type: "checkbox", checked: !hidden.has(ns), change: tick });
      return h(
        "div",
        { class: "space" },
        h("label", {}, box, " ", swatch, ` ${name}`),
        button("only", () => hide(all.filter((n) => n !== ns)), {
          class: "link",
          "aria-label": `only ${name}`,
        }),
      );
    }),
  );
}

/** Every item that is on the map, by namespace: made when it is opened, for those who go by a list. */
export function showEverything(
  view: MapView,
  isShown: (namespace: number) => boolean,
  line: (item: Item) => HTMLElement,
): void {
  const pane = byId<HTMLDetailsElement>("everything");
  const fill = (): void => {
    if (!pane.open) return;
    const lists = { pod: view.pods, service: view.services, policy: view.policies };
    const items = (["pod", "service", "policy"] as const).flatMap((kind) =>
      [...lists[kind].entries()].map(([at, { namespace }]) => ({ namespace, item: { kind, at } })),
    );
    const spaces = [...Map.groupBy(items, (i) => i.namespace)].sort(([a], [b]) => a - b);
    pane
      .querySelector("div")!
      .replaceChildren(
        ...spaces
          .filter(([ns]) => ns < 0 || isShown(ns))
          .flatMap(([ns, of]) => [
            h("h3", {}, view.namespaces[ns] ?? "whole cluster"),
            h("ul", {}, ...of.map(({ item }) => line(item))),
          ]),
      );
  };
  pane.ontoggle = fill;
  fill();
}
