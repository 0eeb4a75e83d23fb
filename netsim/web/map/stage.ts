/** The canvas: drawn anew when something changed, at most once a frame; what is under the pointer; where the keyboard is. */
import { readColors, type Colors } from "./colors.ts";
import { createControls, type Controls } from "./camera.ts";
import type { Box, Item } from "./layout.ts";
import { createPicture, type Size } from "./picture.ts";
import type { Scene } from "./scene.ts";

export interface Stage {
  readonly controls: Controls;
  /** The scene has changed. */
  changed(): void;
  recolored(): void;
  cursor(): Box | undefined;
  /** Moves the keyboard's place to the nearest item in a direction. */
  step(dx: number, dy: number): Box | undefined;
  aspect(): number;
}

export function createStage(
  canvas: HTMLCanvasElement,
  scene: () => Omit<Scene, "cursor">,
  on: { click(item: Item | undefined): void; hover(item: Item | undefined, x: number, y: number): void },
): Stage {
  const picture = createPicture(canvas);
  let colors: Colors = readColors();
  let size: Size = { width: 1, height: 1, ratio: 1 };
  let waiting = false;
  let at: Box | undefined;
  const moved = (): void => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      const cursor = document.activeElement === canvas ? at : undefined;
      picture.show(size, { ...scene(), cursor }, controls.camera(), colors);
    });
  };
  const changed = (): void => {
    picture.outdated();
    moved();
  };
  const controls = createControls(canvas, () => scene().root, moved);

  function resize(): void {
    size = { width: canvas.clientWidth, height: canvas.clientHeight, ratio: Math.min(2, devicePixelRatio) };
    canvas.width = Math.round(size.width * size.ratio);
    canvas.height = Math.round(size.height * size.ratio);
    changed();
    controls.resized();
  }
  new ResizeObserver(resize).observe(canvas);

  const toMap = ({ offsetX, offsetY }: MouseEvent): [number, number] => {
    const { k, x, y } = controls.camera();
    return [(offsetX - x) / k, (offsetY - y) / k];
  };
  canvas.addEventListener("click", (event) => {
    const box = hit(scene().root, ...toMap(event));
    at = box ?? at;
    on.click(box?.item);
    changed();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.buttons === 0) on.hover(hit(scene().root, ...toMap(event))?.item, event.offsetX, event.offsetY);
  });
  for (const type of ["pointerleave", "pointerdown", "wheel"] as const)
    canvas.addEventListener(type, () => on.hover(undefined, 0, 0), { passive: true });
  canvas.addEventListener("focus", changed);
  canvas.addEventListener("blur", changed);

  return {
    controls,
    changed,
    recolored() {
      colors = readColors();
      changed();
    },
    cursor: () => at,
    step(dx, dy) {
      at = nearest(scene().root, at, dx, dy) ?? at;
      if (at !== undefined) keepInSight(at);
      changed();
      return at;
    },
    aspect: () => Math.max(0.3, canvas.clientWidth / Math.max(1, canvas.clientHeight)),
  };

  function keepInSight(box: Box): void {
    const { k, x, y } = controls.camera();
    const [left, top] = [box.x * k + x, box.y * k + y];
    const inside =
      left >= 0 && top >= 0 && left + box.width * k <= size.width && top + box.height * k <= size.height;
    if (!inside || box.height * k < 10) controls.show(box);
  }
}

const contains = (b: Box, x: number, y: number): boolean =>
  x >= b.x && y >= b.y && x <= b.x + b.width && y <= b.y + b.height;

function hit(box: Box, x: number, y: number): Box | undefined {
  if (box.item !== undefined) return box;
  const child = box.children.find((c) => contains(c, x, y));
  return child === undefined ? undefined : hit(child, x, y);
}

export function* leavesOf(box: Box): Generator<Box> {
  if (box.item !== undefined) yield box;
  else for (const child of box.children) yield* leavesOf(child);
}

/** The nearest leaf in a direction; what is straight ahead counts as nearer. */
function nearest(root: Box, from: Box | undefined, dx: number, dy: number): Box | undefined {
  if (from === undefined) return leavesOf(root).next().value ?? undefined;
  let best: Box | undefined;
  let least = Infinity;
  for (const leaf of leavesOf(root)) {
    const [ax, ay] = [leaf.x - from.x, leaf.y - from.y];
    const ahead = ax * dx + ay * dy;
    if (ahead <= 0) continue;
    const distance = ahead + 2 * Math.abs(ax * dy - ay * dx);
    if (distance < least) [best, least] = [leaf, distance];
  }
  return best;
}
