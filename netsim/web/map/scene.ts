/** The map as it is drawn: what is in sight, in as much detail as there is room for. */
import type { Colors } from "./colors.ts";
import type { Box, Item } from "./layout.ts";
import type { Size } from "./picture.ts";

/** How an item stands out. 0: as the others; then faded, related, and for reach: all, some, none of its ports. */
export const MARK = { none: 0, faded: 1, related: 2, all: 3, some: 4, closed: 5 } as const;
export type Marks = Readonly<Record<Item["kind"], Uint8Array>>;

export interface Line {
  readonly from: Box;
  readonly to: Box;
  readonly tone: "related" | "all" | "some" | "way";
}

export interface Scene {
  readonly root: Box;
  readonly marks: Marks;
  readonly lines: readonly Line[];
  /** Ends of a trace, the selection, and where the keyboard is. */
  readonly outlined: readonly { readonly box: Box; readonly text: string }[];
  readonly cursor: Box | undefined;
  /** Items that are not in order: drawn with a broken edge. */
  readonly ailing: ReadonlySet<number>;
}

/** Screen = map * k + (x, y), in CSS pixels. */
export interface Camera {
  readonly k: number;
  readonly x: number;
  readonly y: number;
}

const FONT = "system-ui, sans-serif";
/** Sizes on the screen from which on letters are worth drawing, in CSS pixels. */
export const LEAST = { leafHeight: 14, leafWidth: 40, header: 12, sub: 11, pill: 40 } as const;

export function draw(
  ctx: CanvasRenderingContext2D,
  size: Size,
  scene: Scene,
  { k, x, y }: Camera,
  colors: Colors,
): void {
  const { width, height, ratio } = size;
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.fillStyle = colors.paper;
  ctx.fillRect(0, 0, width, height);
  ctx.textBaseline = "middle";
  const hidden = (b: Box): boolean =>
    b.x * k + x > width ||
    b.y * k + y > height ||
    (b.x + b.width) * k + x < 0 ||
    (b.y + b.height) * k + y < 0;
  const pills: Box[] = [];

  for (const group of scene.root.children) {
    if (hidden(group)) continue;
    const [gx, gy, gw, gh] = [group.x * k + x, group.y * k + y, group.width * k, group.height * k];
    ctx.fillStyle = colors.card;
    ctx.fillRect(gx, gy, gw, gh);
    ctx.strokeStyle = colors.edge;
    ctx.lineWidth = 1;
    ctx.strokeRect(gx, gy, gw, gh);
    const header = 30 * k;
    if (header >= LEAST.header) {
      ctx.font = `600 ${Math.min(16, Math.max(11, header * 0.55)).toFixed(0)}px ${FONT}`;
      ctx.fillStyle = colors.ink;
      write(ctx, group.label, gx + 8 * k, gy + header * 0.62, gw - 16 * k);
    } else if (gw >= LEAST.pill) pills.push(group);
    for (const sub of group.children) if (!hidden(sub)) drawSub(sub);
  }
  drawLines(ctx, scene.lines, { k, x, y }, colors);
  for (const group of pills)
    pill(ctx, group.label, group.x * k + x, group.y * k + y, group.width * k, colors);
  for (const { box, text } of scene.outlined) outline(box, text, colors.accent, 3);
  if (scene.cursor !== undefined) outline(scene.cursor, "", colors.ink, 2);
  ctx.globalAlpha = 1;

  function drawSub(sub: Box): void {
    const [sx, sy] = [sub.x * k + x, sub.y * k + y];
    if (20 * k >= LEAST.sub) {
      ctx.font = `${Math.min(13, Math.max(11, 20 * k * 0.6)).toFixed(0)}px ${FONT}`;
      ctx.fillStyle = colors.dim;
      write(ctx, sub.label, sx + 4 * k, sy + 13 * k, sub.width * k - 6 * k);
    }
    const [w, h] = [(sub.children[0]?.width ?? 0) * k, (sub.children[0]?.height ?? 0) * k];
    const labels = h >= LEAST.leafHeight && w >= LEAST.leafWidth;
    if (labels) ctx.font = `${Math.min(15, Math.max(11, h * 0.42)).toFixed(0)}px ${FONT}`;
    for (const leaf of sub.children) if (!hidden(leaf)) drawLeaf(leaf, w, h, labels);
    ctx.globalAlpha = 1;
  }

  function drawLeaf(leaf: Box, w: number, h: number, labels: boolean): void {
    const { kind, at } = leaf.item!;
    const mark = scene.marks[kind][at]!;
    const [lx, ly] = [leaf.x * k + x, leaf.y * k + y];
    ctx.globalAlpha = mark === MARK.faded ? 0.28 : 1;
    ctx.fillStyle = kind === "pod" ? colors.fill(leaf.namespace) : colors.paper;
    ctx.fillRect(lx, ly, w, h);
    const reach = mark >= MARK.all;
    if (reach) drawReach(mark, lx, ly, w, h, labels ? Math.max(4, 6 * k) : w);
    else if (kind !== "pod")
      edge(leaf.namespace < 0 ? colors.edge : colors.fill(leaf.namespace), Math.max(1, 3 * k), lx, ly, w, h);
    if (kind === "pod" && scene.ailing.has(at) && w > 6) {
      ctx.setLineDash([3, 3]);
      edge(colors.bad, 1.5, lx, ly, w, h);
      ctx.setLineDash([]);
    }
    if (!labels) return;
    ctx.fillStyle = kind === "pod" ? colors.text : colors.ink;
    const inset = Math.max(4, 6 * k) + (reach ? 5 : 0);
    write(ctx, SIGNS[kind] + leaf.label, lx + inset, ly + h / 2, w - inset - 3);
  }

  function edge(color: string, line: number, bx: number, by: number, w: number, h: number): void {
    ctx.strokeStyle = color;
    ctx.lineWidth = line;
    ctx.strokeRect(bx + line / 2, by + line / 2, w - line, h - line);
  }

  /** All ports: filled; some: half of it; none: an empty frame. Colours say it too. */
  function drawReach(mark: number, lx: number, ly: number, w: number, h: number, bar: number): void {
    if (mark === MARK.closed) {
      if (bar === w) {
        ctx.fillStyle = colors.paper;
        ctx.fillRect(lx, ly, w, h);
      }
      return edge(colors.bad, Math.min(2, Math.max(0.75, w / 12)), lx, ly, w, h);
    }
    const part = mark === MARK.some ? h / 2 : 0;
    ctx.fillStyle = mark === MARK.some ? colors.warn : colors.ok;
    ctx.fillRect(lx, ly + part, bar, h - part);
  }

  function outline(box: Box, text: string, color: string, line: number): void {
    const [bx, by, bw, bh] = [box.x * k + x, box.y * k + y, box.width * k, box.height * k];
    ctx.globalAlpha = 1;
    ctx.strokeStyle = color;
    ctx.lineWidth = line;
    ctx.strokeRect(bx - 2, by - 2, bw + 4, bh + 4);
    if (text !== "") pill(ctx, text, bx, by - 20, Math.max(bw, 90), colors);
  }
}

/** What is no pod says so before its name. */
const SIGNS = { pod: "", service: "⇢ ", policy: "§ " } as const;

/** As much of the text as fits, by the measure of its font: names differ at their ends, and say what they are where they begin. */
function write(ctx: CanvasRenderingContext2D, text: string, x: number, y: number, room: number): void {
  const most = Math.floor(room / letter(ctx));
  if (most >= 2) ctx.fillText(text.length <= most ? text : shortened(text, most), x, y, room);
}

function shortened(text: string, most: number): string {
  const tail = most < 6 ? 0 : Math.floor(most * 0.4);
  return `${text.slice(0, most - 1 - tail)}…${tail === 0 ? "" : text.slice(-tail)}`;
}

const letters = new Map<string, number>();
/** A letter's width, on the average of names. */
function letter(ctx: CanvasRenderingContext2D): number {
  let width = letters.get(ctx.font);
  if (width === undefined)
    letters.set(ctx.font, (width = ctx.measureText("kube-system-metrics-7d9f8b6c5d-x2k4m").width / 34));
  return width;
}

/** A label on paper of its own, at the top of a box. */
function pill(
  ctx: CanvasRenderingContext2D,
  text: string,
  x: number,
  y: number,
  room: number,
  colors: Colors,
): void {
  ctx.font = `600 11px ${FONT}`;
  const most = Math.max(3, Math.floor((room - 8) / letter(ctx)));
  // The end of a name tells it from its neighbours.
  const shown = text.length <= most ? text : `…${text.slice(1 - most)}`;
  const width = ctx.measureText(shown).width + 8;
  ctx.globalAlpha = 0.88;
  ctx.fillStyle = colors.paper;
  ctx.fillRect(x + 1, y + 1, width, 16);
  ctx.globalAlpha = 1;
  ctx.fillStyle = colors.ink;
  ctx.fillText(shown, x + 5, y + 9.5);
}

function drawLines(
  ctx: CanvasRenderingContext2D,
  lines: readonly Line[],
  { k, x, y }: Camera,
  colors: Colors,
): void {
  const tones = { related: colors.accent, all: colors.ok, some: colors.warn, way: colors.accent };
  for (const tone of ["some", "all", "related", "way"] as const) {
    ctx.beginPath();
    let some = false;
    for (const { from, to, tone: own } of lines) {
      if (own !== tone) continue;
      some = true;
      const [ax, ay] = [(from.x + from.width / 2) * k + x, (from.y + from.height / 2) * k + y];
      const [bx, by] = [(to.x + to.width / 2) * k + x, (to.y + to.height / 2) * k + y];
      ctx.moveTo(ax, ay);
      ctx.quadraticCurveTo((ax + bx) / 2 + (by - ay) * 0.12, (ay + by) / 2 - (bx - ax) * 0.12, bx, by);
    }
    if (!some) continue;
    ctx.strokeStyle = tones[tone];
    ctx.lineWidth = tone === "way" ? 3 : 1;
    ctx.globalAlpha = tone === "way" ? 1 : 0.55;
    ctx.stroke();
  }
  ctx.globalAlpha = 1;
}
