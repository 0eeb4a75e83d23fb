/** Looking at the map: dragging, wheel, pinching, keys. */
import { select } from "d3-selection";
import { zoom, zoomIdentity, type ZoomTransform } from "d3-zoom";
import type { Box } from "./layout.ts";
import type { Camera } from "./scene.ts";

const MARGIN = 16;
const STEP = 60;
/** Letters are as large as they become. */
const CLOSEST = 4;

export interface Controls {
  readonly camera: () => Camera;
  fit(): void;
  zoomBy(factor: number): void;
  /** By key; whether it was one of ours. */
  key(event: KeyboardEvent): boolean;
  /** Brings a box into the middle, near enough to read. */
  show(box: Box): void;
  /** The map has another size: nothing is lost out of sight. */
  resized(): void;
}

export function createControls(canvas: HTMLCanvasElement, root: () => Box, changed: () => void): Controls {
  let camera: ZoomTransform = zoomIdentity;
  let moved = false;
  const behavior = zoom<HTMLCanvasElement, unknown>()
    .extent(() => [
      [0, 0],
      [canvas.clientWidth, canvas.clientHeight],
    ])
    .on("zoom", (event: { transform: ZoomTransform; sourceEvent: unknown }) => {
      camera = event.transform;
      if (event.sourceEvent !== null) moved = true;
      changed();
    });
  const target = select(canvas);
  target.call(behavior);

  function whole(): ZoomTransform {
    const { width, height } = root();
    const [w, h] = [canvas.clientWidth, canvas.clientHeight];
    const k = Math.min((w - 2 * MARGIN) / Math.max(1, width), (h - 2 * MARGIN) / Math.max(1, height), 1.5);
    return zoomIdentity.translate((w - width * k) / 2, (h - height * k) / 2).scale(Math.max(k, 1e-3));
  }

  function fit(): void {
    const t = whole();
    behavior.scaleExtent([t.k * 0.8, Math.max(CLOSEST, t.k)]);
    // Half of the map may leave the space, so that every part of it can be brought to the middle.
    const { width, height } = root();
    const [w, h] = [
      Math.max(width, canvas.clientWidth / t.k) / 2,
      Math.max(height, canvas.clientHeight / t.k) / 2,
    ];
    behavior.translateExtent([
      [-w, -h],
      [width + w, height + h],
    ]);
    target.call(behavior.transform, t);
    moved = false;
  }

  const keys: Readonly<Record<string, () => void>> = {
    ArrowLeft: () => target.call(behavior.translateBy, STEP / camera.k, 0),
    ArrowRight: () => target.call(behavior.translateBy, -STEP / camera.k, 0),
    ArrowUp: () => target.call(behavior.translateBy, 0, STEP / camera.k),
    ArrowDown: () => target.call(behavior.translateBy, 0, -STEP / camera.k),
    "+": () => target.call(behavior.scaleBy, 1.3),
    "=": () => target.call(behavior.scaleBy, 1.3),
    "-": () => target.call(behavior.scaleBy, 1 / 1.3),
    "0": fit,
    Home: fit,
  };

  return {
    camera: () => camera,
    fit,
    zoomBy: (factor) => void target.call(behavior.scaleBy, factor),
    key({ key, shiftKey, ctrlKey, metaKey, altKey }) {
      const act = keys[key];
      if (act === undefined || ctrlKey || metaKey || altKey || (shiftKey && key.startsWith("Arrow")))
        return false;
      act();
      moved = true;
      return true;
    },
    show(box) {
      const k = Math.max(camera.k, Math.min(1, CLOSEST));
      const [w, h] = [canvas.clientWidth, canvas.clientHeight];
      const [cx, cy] = [box.x + box.width / 2, box.y + box.height / 2];
      target.call(behavior.transform, zoomIdentity.translate(w / 2 - cx * k, h / 2 - cy * k).scale(k));
      moved = true;
    },
    resized: () => (moved ? changed() : fit()),
  };
}
