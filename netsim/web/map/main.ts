/** The page of `netsim map`: everything that is chosen comes together here. */
import type { Reach } from "../../src/map/reach.ts";
import type { Opened } from "../../src/map/protocol.ts";
import { isDark } from "./colors.ts";
import { details, goalOf, idOf, itemLine } from "./details.ts";
import { byId, h } from "./dom.ts";
import { bytesIn, startEngine, type EngineClient } from "./engine-client.ts";
import { layout, type Box, type Grouping, type Item } from "./layout.ts";
import { showEverything, showOptions, showSpaces, showTrace } from "./panes.ts";
import { createStage, leavesOf } from "./stage.ts";
import { haystacks, linesOf, marksOf, matches, newState, same } from "./state.ts";

const MOST_FOUND = 100;
const count = (n: number, one: string, many: string): string => `${n} ${n === 1 ? one : many}`;

function run(opened: Opened, engine: EngineClient): void {
  const { view } = opened;
  const options = showOptions(opened);
  const state = newState();
  const texts = haystacks(view);
  const ailing = new Set(view.pods.flatMap((p, i) => (p.ready ? [] : [i])));
  const canvas = byId<HTMLCanvasElement>("map");
  const [from, to] = [byId<HTMLInputElement>("from"), byId<HTMLInputElement>("to")];
  const [tracePane, detailsPane, tip] = [byId("trace"), byId("details"), byId("tip")];
  let root: Box = layout(view, state.grouping, () => true, 1);
  let boxes = new Map<string, Box>();
  let marks = marksOf(view, state, texts);
  let lines = linesOf(view, state, () => undefined);

  const boxOf = ({ kind, at }: Item): Box | undefined => boxes.get(`${kind} ${at}`);
  const say = (text: string): void => byId("status").replaceChildren(text);
  const outlined = () => {
    const { selected, way } = state;
    const ends =
      way === undefined
        ? [[selected, ""] as const]
        : ([
            [way.from, "from"],
            [way.to, "to"],
          ] as const);
    return ends.flatMap(([item, text]) => {
      const box = item === undefined ? undefined : boxOf(item);
      return box === undefined ? [] : [{ box, text }];
    });
  };
  const stage = createStage(canvas, () => ({ root, marks, lines, ailing, outlined: outlined() }), {
    click: pick,
    hover,
  });

  function restyle(): void {
    marks = marksOf(view, state, texts);
    lines = linesOf(view, state, boxOf);
    stage.changed();
  }

  function relayout(): void {
    root = layout(view, state.grouping, (ns) => !state.hiddenSpaces.has(ns), stage.aspect());
    boxes = new Map([...leavesOf(root)].map((b) => [`${b.item!.kind} ${b.item!.at}`, b]));
    restyle();
    stage.controls.fit();
    showEverything(
      view,
      (ns) => !state.hiddenSpaces.has(ns),
      (item) => itemLine(view, item, actions),
    );
    canvas.setAttribute(
      "aria-label",
      `Map of the cluster: ${count(view.nodes.length, "node", "nodes")}, ${count(view.pods.length, "pod", "pods")}, ${count(view.services.length, "Service", "Services")}, ${count(view.policies.length, "policy", "policies")}`,
    );
  }

  /** A click: the first pod is where a trace begins, the next pod or Service is where it goes. */
  function pick(item: Item | undefined): void {
    const { selected, traced, pinned } = state;
    const goal = item === undefined ? undefined : goalOf(view, item);
    const begun = pinned || (selected?.kind === "pod" && !traced && !same(item, selected));
    if (begun && goal !== undefined) {
      to.value = goal;
      void traceNow();
      return;
    }
    select(item, false);
  }

  function select(item: Item | undefined, show = true): void {
    state.selected = item;
    state.way = undefined;
    state.traced = false;
    state.reach = undefined;
    state.pinned &&= item !== undefined;
    tracePane.replaceChildren();
    detailsPane.replaceChildren(...(item === undefined ? [] : details(view, item, actions)));
    if (item?.kind === "pod" && !state.pinned) from.value = view.pods[item.at]!.id;
    restyle();
    const box = item === undefined ? undefined : boxOf(item);
    if (show && box !== undefined) stage.controls.show(box);
    say(item === undefined ? "nothing selected" : `selected ${idOf(view, item)}`);
    hint(
      item?.kind === "pod" || state.pinned ? `From ${from.value}: now click where the connection goes` : "",
    );
  }

  const actions = {
    select: (item: Item) => select(item),
    setEnd: (end: "from" | "to", text: string) => {
      (end === "from" ? from : to).value = text;
      if (end === "from") {
        state.pinned = true;
        hint(`From ${text}: now click where the connection goes`);
        to.focus();
      } else if (state.pinned) void traceNow();
      else {
        from.value = "";
        from.focus();
      }
    },
    reach: async (pod: number, direction: keyof Reach) => {
      say("computing");
      const reached = (await engine.call("reach", { pod }))[direction];
      state.way = undefined;
      state.reach = { pod, direction, reached };
      restyle();
      const amount = [0, 1, 2, 3].map((value) => reached.reduce((n, r) => n + Number(r === value), 0)) as [
        number,
        number,
        number,
        number,
      ];
      const verb = direction === "to" ? "reaches" : "is reached by";
      const text = `${view.pods[pod]!.id} ${verb} ${count(amount[3], "pod", "pods")} on all of their ports, ${amount[2]} on some, ${amount[1]} on none; ${amount[0] - 1} have no port`;
      tracePane.replaceChildren(h("p", { class: "reach" }, text));
      say(text);
    },
  };

  async function traceNow(): Promise<void> {
    const [source, goal] = [from.value.trim(), to.value.trim()];
    if (source === "" || goal === "") return;
    hint("");
    tracePane.replaceChildren(h("p", { class: "dim" }, "Tracing…"));
    try {
      const answer = await engine.call("trace", { from: source, to: goal, options: options() });
      const { trace } = answer;
      showTrace(tracePane, `${source} → ${goal}`, answer);
      const ends = [podNamed(trace.from.id), podNamed(trace.to.id)] as const;
      state.reach = undefined;
      state.traced = true;
      state.way = ends[0] !== undefined && ends[1] !== undefined ? { from: ends[0], to: ends[1] } : undefined;
      if (state.way === undefined && ends[0] !== undefined) state.selected = ends[0];
      restyle();
      say(`${source} to ${goal}: ${trace.verdict}, ${trace.reason}`);
      location.replace(`#${new URLSearchParams({ from: source, to: goal })}`);
      tracePane.scrollIntoView({ block: "start" });
    } catch (error) {
      tracePane.replaceChildren(h("p", { class: "fault" }, (error as Error).message));
    }
  }

  const byName = new Map(view.pods.map((p, i) => [p.id, i]));
  const podNamed = (id: string | null): Item | undefined => {
    const at = byName.get(id ?? "");
    return at === undefined ? undefined : { kind: "pod", at };
  };

  function hint(text: string): void {
    byId("hint").hidden = text === "";
    byId("hint").replaceChildren(text);
  }

  function hover(item: Item | undefined, x: number, y: number): void {
    tip.hidden = item === undefined;
    if (item === undefined) return;
    const pod = item.kind === "pod" ? view.pods[item.at]! : undefined;
    tip.replaceChildren(
      pod === undefined ? idOf(view, item) : `${pod.id}\n${pod.address} ${pod.ports.join(" ")}`,
    );
    const left = Math.min(x + 14, canvas.clientWidth - tip.offsetWidth - 4);
    tip.style.transform = `translate(${Math.max(0, left)}px, ${Math.min(y + 14, canvas.clientHeight - tip.offsetHeight - 4)}px)`;
  }

  function search(query: string): void {
    state.query = query.trim();
    restyle();
    const found = (["pod", "service", "policy"] as const).flatMap((kind) =>
      state.query === ""
        ? []
        : texts[kind].flatMap((text, at): Item[] => (matches(text, state.query) ? [{ kind, at }] : [])),
    );
    const rest = found.length - MOST_FOUND;
    byId("found").replaceChildren(
      ...found.slice(0, MOST_FOUND).map((item) => itemLine(view, item, actions)),
      ...(rest > 0 ? [h("li", { class: "dim" }, `and ${rest} more`)] : []),
    );
    if (state.query !== "") say(`${found.length} found`);
  }

  const spaces = (): void => showSpaces(view, state.hiddenSpaces, relayout);

  byId("search").addEventListener("input", (event) => search((event.target as HTMLInputElement).value));
  byId<HTMLSelectElement>("grouping").addEventListener("change", (event) => {
    state.grouping = (event.target as HTMLSelectElement).value as Grouping;
    relayout();
  });
  byId("zoom-in").addEventListener("click", () => stage.controls.zoomBy(1.4));
  byId("zoom-out").addEventListener("click", () => stage.controls.zoomBy(1 / 1.4));
  byId("zoom-fit").addEventListener("click", () => stage.controls.fit());
  byId("clear").addEventListener("click", () => {
    to.value = "";
    from.value = "";
    select(undefined);
  });
  byId("ends").addEventListener("submit", (event) => {
    event.preventDefault();
    void traceNow();
  });
  byId("theme").addEventListener("click", () => {
    document.documentElement.dataset["theme"] = isDark() ? "light" : "dark";
    byId("theme").setAttribute("aria-pressed", String(isDark()));
    stage.recolored();
    spaces();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    stage.recolored();
    spaces();
  });
  const steps: Readonly<Record<string, readonly [number, number]>> = {
    ArrowLeft: [-1, 0],
    ArrowRight: [1, 0],
    ArrowUp: [0, -1],
    ArrowDown: [0, 1],
  };
  canvas.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? steps[event.key] : undefined;
    if (step !== undefined) {
      const { item } = stage.step(...step) ?? {};
      if (item !== undefined) say(idOf(view, item));
    } else if (event.key === "Enter") pick(stage.cursor()?.item);
    else if (!stage.controls.key(event)) return;
    event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof HTMLInputElement;
    if (event.key === "Escape") select(undefined);
    else if (event.key === "/" && !typing) {
      event.preventDefault();
      byId("search").focus();
    }
  });

  spaces();
  relayout();
  hint(view.pods.length === 0 ? "No pods in the input" : "Click a pod, then where its connection goes");
  const asked = new URLSearchParams(location.hash.slice(1));
  if (asked.has("from") && asked.has("to")) {
    from.value = asked.get("from")!;
    to.value = asked.get("to")!;
    void traceNow();
  }
  document.documentElement.dataset["ready"] = "true";
}

async function start(): Promise<void> {
  try {
    const engine = await startEngine();
    run(await engine.call("open", { data: bytesIn("cluster").buffer }), engine);
  } catch (error) {
    byId("hint").replaceChildren(`This map cannot be shown: ${(error as Error).message}`);
  }
}

void start();
