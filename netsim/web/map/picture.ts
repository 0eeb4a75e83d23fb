/**
 * The map on its canvas. Far off, where thousands of boxes are in sight, it is drawn once with something around it and moved as
 * a picture; nearer it is drawn anew for each frame, which costs less there.
 */
import type { Colors } from "./colors.ts";
import { CELL } from "./layout.ts";
import { draw, LEAST, type Camera, type Scene } from "./scene.ts";

export interface Size {
  readonly width: number;
  readonly height: number;
  /** Pixels of the screen for one of CSS. */
  readonly ratio: number;
}

export interface Picture {
  show(size: Size, scene: Scene, camera: Camera, colors: Colors): void;
  /** The scene, its size or its colours are others now. */
  outdated(): void;
}

/** Kept on each side, as a part of what is in sight. */
const AROUND = 0.4;

export function createPicture(canvas: HTMLCanvasElement): Picture {
  const ctx = canvas.getContext("2d", { alpha: false })!;
  const kept = document.createElement("canvas");
  const beside = kept.getContext("2d", { alpha: false })!;
  /** Where the kept picture was taken; undefined: there is none. */
  let taken: Camera | undefined;
  let last: Camera | undefined;

  return {
    outdated() {
      taken = undefined;
    },
    show(size, scene, camera, colors) {
      const panning = last?.k === camera.k;
      last = camera;
      const near = camera.k * CELL.height >= LEAST.leafHeight;
      if (near || !panning) {
        taken = undefined;
        draw(ctx, size, scene, camera, colors);
        return;
      }
      const { width, height, ratio } = size;
      const [mx, my] = [Math.round(width * AROUND), Math.round(height * AROUND)];
      if (taken === undefined || Math.abs(camera.x - taken.x) > mx || Math.abs(camera.y - taken.y) > my) {
        const whole = { width: width + 2 * mx, height: height + 2 * my, ratio };
        const [w, h] = [Math.round(whole.width * ratio), Math.round(whole.height * ratio)];
        if (kept.width !== w || kept.height !== h) [kept.width, kept.height] = [w, h];
        draw(beside, whole, scene, { k: camera.k, x: camera.x + mx, y: camera.y + my }, colors);
        taken = camera;
      }
      ctx.setTransform(1, 0, 0, 1, 0, 0);
      const left = Math.round((camera.x - taken.x - mx) * ratio);
      const top = Math.round((camera.y - taken.y - my) * ratio);
      ctx.drawImage(kept, left, top);
    },
  };
}
